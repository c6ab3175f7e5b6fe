/**
 * What auditors and operators rely on: `daybook audit seal`, `verify`, `prove`, `anchor` and `rotate` on a store with real carts, and
 * a proof that holds without Daybook.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import { newPem, pemOf, publicKeyOfPem } from "@daybook/postgres/SealKeys"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { csv, daybook, folder, line, scratch } from "./Orders.ts"

const root = scratch()
const home = join(root, "store")
const settings = { DAYBOOK_HOME: home }
const file = (name: string): string => join(root, name)
const keyFile = join(home, "seal-key.pem")
const audit = (...args: ReadonlyArray<string>) => daybook(settings, "audit", ...args)
const report = async (...args: ReadonlyArray<string>) => JSON.parse((await audit("verify", "--json", ...args)).out)

/** Runs statements on the store, as somebody who owns it might, triggers disabled. */
const tamper = (...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.withTransaction(
      Effect.forEach(["SET LOCAL session_replication_role = replica", ...statements], (one) => sql.unsafe(one))
    )
  ).pipe(Effect.provide(Database.layer({ folder: home })), Effect.runPromise)

const verifier = new URL("../../../examples/03-verify-proof/verify-proof.mjs", import.meta.url).pathname

const check = (...files: ReadonlyArray<string>) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [verifier, ...files], { encoding: "utf8" })
  return { status, said: `${stdout}${stderr}` }
}

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe("where no service has run", () => {
  it.each([["seal"], ["anchor"], ["prove", "cart-1", "1"]])("daybook audit %s says so", async (...args) => {
    const { code, out, err } = await daybook({ DAYBOOK_HOME: join(root, "other") }, "audit", ...args)
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toContain("No service has run on this database")
  })

  it("verify wants a key to trust first, and makes none", async () => {
    const { code, err } = await daybook({ DAYBOOK_HOME: join(root, "other") }, "audit", "verify")
    expect(code).toBe(1)
    expect(err).toMatch(/There is no key to trust: .*seal-key\.pem is not there.*--public-key/u)
    expect(existsSync(join(root, "other", "seal-key.pem"))).toBe(false)
  })
})

describe("on a store with carts", () => {
  beforeAll(async () => {
    const orders = folder({
      "2010-12.csv": csv(
        line(),
        line({ sku: "71053", quantity: "7" }),
        line({ invoice: "536366", sku: "22633" }),
        line({ invoice: "536367", sku: "84879" })
      )
    })
    expect(await daybook(settings, "import", "online-retail", orders)).toMatchObject({ code: 0 })
    rmSync(orders, { recursive: true })
  })

  it("nothing is anchored or proved before it is sealed", async () => {
    expect((await audit("anchor")).err).toContain("Nothing is sealed yet")
    expect((await audit("prove", "cart-536365", "1")).err).toContain("it is not sealed yet")
  })

  it("seal seals everything once, with a key that nobody else can read", async () => {
    const { code, out } = await audit("seal", "--json")
    expect(code).toBe(0)
    const cart = JSON.parse(out).find(({ service }: { service: string }) => service === "cart")
    expect(cart).toMatchObject({ stopped: [] })
    expect(cart.events).toBeGreaterThan(6)
    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    expect((await audit("seal")).out).toMatch(/^SERVICE +SEALED EVENTS +BLOCKS\ncart +0 +0$/m)
  })

  it("verify says what is proven, what is not, and ends with 0", async () => {
    const { code, out, err } = await audit("verify")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^SERVICE +BLOCKS +PROVEN +REMOVED +NOT SEALED +FINDINGS +NEWEST SEAL$/m)
    expect(out).toContain("Everything that was sealed is as it was sealed.")
    expect(out).toContain("Without an anchor")
  })

  it("anchor tells the public key, and writes a file by which verify finds out what was rolled back", async () => {
    const { code, out, err } = await audit("anchor", "--output", file("anchor.json"))
    expect({ code, out }).toEqual({ code: 0, out: "" })
    expect(err).toMatch(/An anchor of \d+ partitions? was written to .*anchor\.json\.$/u)
    const pem = err.match(/-----BEGIN PUBLIC KEY-----\n.+\n-----END PUBLIC KEY-----\n/u)![0]
    writeFileSync(file("public-key.pem"), pem)
    expect(pem).toBe(pemOf(publicKeyOfPem(readFileSync(keyFile, "utf8"))))
    const { heads } = JSON.parse(readFileSync(file("anchor.json"), "utf8"))
    const printed = await audit("anchor")
    expect(JSON.parse(printed.out).heads).toEqual(heads)
    expect(printed.err).toContain(pem)
    const alone = await audit("anchor", "--json")
    expect(JSON.parse(alone.out).heads).toEqual(heads)
    expect(alone.err).toBe("")
    const verified = await audit("verify", "--public-key", file("public-key.pem"), "--anchor", file("anchor.json"))
    expect(verified).toMatchObject({ code: 0 })
    expect(verified.out).toContain("Nothing has been rolled back to before the anchor")
  })

  it("prove writes what holds without Daybook, with the public key alone, and with the anchor", async () => {
    const { code, err } = await audit("prove", "cart-536365", "2", "--output", file("proof.json"))
    expect({ code, err }).toEqual({
      code: 0,
      err: `The proof of version 2 of a stream cart-536365 was written to ${file("proof.json")}.`
    })
    const { status, said } = check(file("proof.json"), file("public-key.pem"), file("anchor.json"))
    expect(said).toContain("version 2 of cart-536365")
    expect(said).toContain("Its block was sealed before the anchor")
    expect(status).toBe(0)
    const proof = JSON.parse(readFileSync(file("proof.json"), "utf8"))
    const eventId = JSON.parse(proof.event)[4]
    expect(JSON.parse((await audit("prove", "--event-id", eventId)).out)).toEqual(proof)
  })

  it.each([
    [
      "the event",
      (proof: any) => ({ ...proof, event: proof.event.replace("536365", "536366") }),
      /leads to another root/
    ],
    ["its place", (proof: any) => ({ ...proof, index: proof.index + 1 }), /not of this place/],
    ["its path", (proof: any) => ({ ...proof, path: [...proof.path, "00".repeat(32)] }), /longer than|another root/],
    ["a block", (proof: any) => ({ ...proof, blocks: [{ ...proof.blocks[0], number: 9 }] }), /signature of block 9/],
    ["the format", (proof: any) => ({ ...proof, format: "daybook-proof-9" }), /later format: daybook-proof-9/]
  ])("a proof with another %s does not hold", (_, change, why) => {
    writeFileSync(file("changed.json"), JSON.stringify(change(JSON.parse(readFileSync(file("proof.json"), "utf8")))))
    const { status, said } = check(file("changed.json"), file("public-key.pem"))
    expect(said).toMatch(why)
    expect(status).toBe(1)
  })

  it.each([
    ["none.json", "public-key.pem", "none.json cannot be read as a proof: ENOENT"],
    ["public-key.pem", "public-key.pem", "public-key.pem cannot be read as a proof"],
    ["proof.json", "none.pem", "none.pem cannot be read as a public key: ENOENT"],
    ["proof.json", "anchor.json", "anchor.json cannot be read as a public key"]
  ])("of %s with %s nothing is said but that a file cannot be read", (proof, key, why) => {
    const { status, said } = check(file(proof), file(key))
    expect(said).toContain(why)
    expect(said).not.toContain("hold")
    expect(status).toBe(2)
  })

  it("a proof does not hold with another's key", () => {
    writeFileSync(file("other.pem"), pemOf(publicKeyOfPem(newPem())))
    const { status, said } = check(file("proof.json"), file("other.pem"))
    expect(said).toContain("which is not trusted")
    expect(status).toBe(1)
  })

  it.each([
    [["cart-536365"], "Name one event"],
    [["cart-1", "1"], "No service has version 1 of a stream cart-1 in its journal"],
    [["cart-536365", "999"], "No service has version 999"],
    [["cart-536365", "1", "--anchor", join(root, "out")], "cannot be read as an anchor"]
  ])("prove %j is refused, and says why", async (args, why) => {
    const { code, err } = await audit("prove", ...args)
    expect(code).toBe(1)
    expect(err).toContain(why)
  })

  it("verify names what was tampered with by service, partition and position, and ends with 1", async () => {
    await tamper("UPDATE cart.event SET actor = 'nobody' WHERE stream = 'cart-536366' AND version = 1")
    const { code, out } = await audit("verify")
    expect(code).toBe(1)
    expect(out).toMatch(
      /^event-changed: cart, partition \d+, position \d+ \(block 1\), version 1 of cart-536366: what is there is not what was sealed$/m
    )
    expect(out).toContain("What is named above is not as it was sealed.")
    const { ok, services } = await report("--service", "cart")
    expect(ok).toBe(false)
    expect(services).toHaveLength(1)
    expect(services[0].findings).toMatchObject([
      { kind: "event-changed", service: "cart", block: 1, events: [{ stream: "cart-536366", version: 1 }] }
    ])
    expect((await audit("prove", "cart-536366", "1")).err).toContain("it is not what was sealed")
    await tamper(
      "UPDATE cart.event SET actor = (SELECT min(actor) FROM cart.event WHERE actor <> 'nobody') WHERE actor = 'nobody'"
    )
    expect(await report()).toMatchObject({ ok: true })
  })

  it("verify finds seals that were taken away altogether, with the anchor", async () => {
    await tamper("CREATE TABLE cart.kept AS SELECT * FROM cart.seal", "DELETE FROM cart.seal")
    expect((await audit("verify")).out).toContain("Nothing is sealed, so that nothing is proven.")
    const { ok, services } = await report("--anchor", file("anchor.json"))
    expect(ok).toBe(false)
    expect(services[0].findings[0]).toMatchObject({ kind: "anchor-unmet" })
    await tamper("INSERT INTO cart.seal SELECT * FROM cart.kept", "DROP TABLE cart.kept")
  })

  it("verify trusts the keys that were named, and no others", async () => {
    const { ok, services } = await report("--public-key", file("other.pem"))
    expect(ok).toBe(false)
    const kinds = services[0].findings.map(({ kind }: { kind: string }) => kind)
    expect(new Set(kinds)).toEqual(new Set(["block-untrusted", "key-untrusted"]))
  })

  it.each([
    ["none.pem", "The public key {} cannot be read: ENOENT"],
    ["anchor.json", "{} is no public key in PEM form (Ed25519): it does not say BEGIN PUBLIC KEY"],
    ["store/seal-key.pem", "{} is no public key in PEM form (Ed25519): it holds a private key"]
  ])("verify does not take %s for a public key", async (name, why) => {
    const { code, out, err } = await audit("verify", "--public-key", file(name))
    expect({ code, out }).toEqual({ code: 1, out: "" })
    expect(err).toContain(why.replace("{}", file(name)))
    expect(err).not.toContain("SEAL_KEY_FILE, by default")
  })

  it("without the key's file nothing makes a new key, and what helps is said", async () => {
    renameSync(keyFile, file("away.pem"))
    const before = readdirSync(home)
    expect(await audit("prove", "cart-536365", "2")).toMatchObject({ code: 0 })
    for (const command of ["anchor", "seal"]) {
      const { code, out, err } = await audit(command)
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toContain(`${keyFile}, is not there`)
      expect(err).toContain("Put the file back")
    }
    expect((await audit("rotate")).err).toContain(`There is no key ${keyFile}`)
    expect(readdirSync(home)).toEqual(before)
    writeFileSync(keyFile, newPem())
    for (const command of ["anchor", "rotate"]) {
      const { code, err } = await audit(command)
      expect(code).toBe(1)
      expect(err).toContain("Put the file of that key back")
    }
    rmSync(keyFile)
    expect(readdirSync(home)).toEqual(before)
    renameSync(file("away.pem"), keyFile)
  })

  it("rotate hands over to a new key, and who trusts either trusts both", async () => {
    const before = publicKeyOfPem(readFileSync(keyFile, "utf8"))
    const { code, out } = await audit("rotate", "--json")
    expect(code).toBe(0)
    expect(readFileSync(JSON.parse(out).aside, "utf8")).toContain("PRIVATE KEY")
    expect(publicKeyOfPem(readFileSync(keyFile, "utf8"))).not.toBe(before)
    expect(await report("--anchor", file("anchor.json"))).toMatchObject({ ok: true })
    expect(await report("--public-key", file("public-key.pem"))).toMatchObject({ ok: true })
    expect(await audit("prove", "cart-536365", "1", "--output", file("later.json"))).toMatchObject({ code: 0 })
    expect(check(file("later.json"), file("public-key.pem"))).toMatchObject({ status: 0 })
    expect(await audit("seal")).toMatchObject({ code: 0 })
  })

  it("anchors from before and after hold in a service that had sealed nothing by then", async () => {
    writeFileSync(file("new.pem"), pemOf(publicKeyOfPem(readFileSync(keyFile, "utf8"))))
    expect(await audit("anchor", "--output", file("after.json"))).toMatchObject({ code: 0 })
    // A service that came after the rotation, and so knows nothing of it.
    await Effect.runPromise(
      Effect.provide(
        Effect.void,
        Stores.writeSide({ schema: "privacy" }).pipe(Layer.provide(Database.layer({ folder: home })))
      )
    )
    for (const key of ["public-key.pem", "new.pem"]) {
      for (const anchor of ["anchor.json", "after.json"]) {
        const { ok, services } = await report("--public-key", file(key), "--anchor", file(anchor))
        expect(services).toHaveLength(2)
        expect({ key, anchor, ok, findings: services[1].findings }).toEqual({ key, anchor, ok: true, findings: [] })
      }
    }
  })
})

/**
 * What whoever keeps the master keys relies on: the file is made once and for its owner alone, is never overwritten by half, and
 * what is wrong with it is said with what to do, without telling a key.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as MasterKey from "@daybook/core/MasterKeys"
import { MasterKeys } from "@daybook/core/MasterKeys"
import * as MasterKeyFile from "@daybook/postgres/MasterKeyFile"
import * as Effect from "effect/Effect"
import { afterAll, describe, expect, it } from "vitest"

const root = mkdtempSync(join(tmpdir(), "daybook-master-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let files = 0
const newFile = () => join(root, `${++files}`, "master-key")

const keysIn = (file: string) => Effect.runSync(Effect.provide(MasterKeys, MasterKeyFile.layer(file)))
const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)
const ids = (keys: ReadonlyArray<MasterKey.MasterKey>) => keys.map(({ id }) => id)

describe("the file of master keys", () => {
  it("is made when the first key is needed, with its folder, for its owner alone, and once", async () => {
    const file = newFile()
    const keys = keysIn(file)
    expect(await run(keys.all)).toEqual([])
    const made = await Promise.all([run(keys.makeFirst), run(keys.makeFirst), run(keysIn(file).makeFirst)])
    expect(new Set(ids(made)).size).toBe(1)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(ids(await run(keys.all))).toEqual([made[0].id])
  })

  it("is read as it is by now, with several keys, notes and empty lines", async () => {
    const file = newFile()
    const keys = keysIn(file)
    const first = await run(keys.makeFirst)
    const second = await run(MasterKey.generate())
    await run(MasterKeyFile.write(file, [second, first]))
    writeFileSync(file, `\n# a note\n${readFileSync(file, "utf8")}\n`)
    expect(ids(await run(keys.all))).toEqual([second.id, first.id])
  })

  it("is replaced as a whole", async () => {
    const file = newFile()
    await run(keysIn(file).makeFirst)
    const fresh = await run(MasterKey.generate())
    await run(MasterKeyFile.write(file, [fresh]))
    expect(ids(await run(MasterKeyFile.read(file)))).toEqual([fresh.id])
    expect(readdirSync(join(file, ".."))).toEqual(["master-key"])
  })

  it.each([
    ["everybody may read it", (file: string) => chmodSync(file, 0o644), `chmod 600`],
    ["a line is no key", (file: string) => writeFileSync(file, "c2hvcnQ\n"), "line 1 is not 32 bytes in base64url"]
  ])("is refused when %s, and what to do is said without a key", async (_, spoil, said) => {
    const file = newFile()
    await run(keysIn(file).makeFirst)
    const key = readFileSync(file, "utf8").split("\n")[1]!
    spoil(file)
    const refused = await run(Effect.flip(keysIn(file).all))
    expect(refused).toMatchObject({ _tag: "MasterKeysUnavailable" })
    expect(refused.message).toContain(file)
    expect(refused.message).toContain(said)
    expect(refused.message).not.toContain(key)
  })

  it("that cannot be made says so", async () => {
    const file = join(newFile(), "below", "a-file")
    await run(keysIn(join(file, "..")).makeFirst)
    const refused = await run(Effect.flip(keysIn(file).makeFirst))
    expect(refused.message).toContain(`The master keys in ${file} cannot be used: it cannot be made`)
  })
})

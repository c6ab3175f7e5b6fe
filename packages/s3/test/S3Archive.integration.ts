/** An archive in an S3-compatible store, held to the contract; and what it says when it cannot. */
import { archiveStoreSuite } from "@daybook/testkit/ArchiveStoreSuite"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import * as S3Archive from "../src/S3Archive.ts"

const endpoint = process.env.S3_ENDPOINT
if (endpoint === undefined)
  throw new Error("S3_ENDPOINT is not set; run `npm run test:integration`, which starts a store")

const settings: S3Archive.Settings = {
  endpoint,
  region: "us-east-1",
  bucket: "daybook",
  prefix: `test-${process.pid}`,
  accessKeyId: "test",
  secretAccessKey: Redacted.make("s3cret")
}

archiveStoreSuite("S3", { store: () => S3Archive.make(settings) })
archiveStoreSuite("S3, without a prefix", { store: () => S3Archive.make({ ...settings, prefix: "" }) })

describe("a store that cannot be used", () => {
  it.each([
    ["is not there", { endpoint: "http://127.0.0.1:1" }, /127\.0\.0\.1:1/],
    ["has no such bucket", { bucket: "nobodys" }, /nobodys/]
  ])("because it %s says so, and what to check", async (_, wrong, named) => {
    const store = S3Archive.make({ ...settings, ...wrong })
    for (const attempt of [store.write("notes/p0/1", Uint8Array.of(1)), store.list("notes/")]) {
      const problem = await Effect.runPromise(
        Effect.flip(attempt as Effect.Effect<unknown, { readonly message: string }>)
      )
      expect(problem.message).toMatch(named)
      expect(problem.message).toContain("ARCHIVE_S3_ENDPOINT")
      expect(problem.message).not.toContain("s3cret")
    }
  })
})

describe("settings", () => {
  const read = (variables: Record<string, string>) =>
    S3Archive.fromEnvironment("bucket", "a/b").pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))),
      Effect.runPromise
    )
  const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" }

  it("are Amazon's unless an endpoint is named", async () => {
    expect(await read({ ...keys, AWS_REGION: "eu-west-3" })).toMatchObject({
      endpoint: "https://s3.eu-west-3.amazonaws.com",
      region: "eu-west-3",
      bucket: "bucket",
      prefix: "a/b"
    })
    expect((await read({ ...keys, ARCHIVE_S3_ENDPOINT: "http://minio:9000" })).endpoint).toBe("http://minio:9000")
  })

  it("need the keys", async () => {
    await expect(read({ AWS_ACCESS_KEY_ID: "id" })).rejects.toThrow("AWS_SECRET_ACCESS_KEY")
  })
})

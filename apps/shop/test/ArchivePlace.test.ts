/** Where the archive is, as the environment says. */
import { resolve } from "node:path"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { store } from "../src/ArchivePlace.ts"

const locationOf = (variables: Record<string, string>) =>
  Effect.map(store, ({ location }) => location).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))),
    Effect.runPromise
  )

const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "s3cret" }

describe("the archive is", () => {
  it.each([
    [{}, resolve(".daybook/archive")],
    [{ DAYBOOK_HOME: "/var/daybook" }, "/var/daybook/archive"],
    [{ ARCHIVE_URL: "file:///var/archive" }, "/var/archive"],
    [{ ARCHIVE_URL: "file:///var/old%20books" }, "/var/old books"],
    [{ ARCHIVE_URL: "books" }, resolve("books")],
    [{ ARCHIVE_URL: "s3://shop-archive", ...keys }, "s3://shop-archive"],
    [{ ARCHIVE_URL: "s3://shop-archive/", ...keys }, "s3://shop-archive"],
    [{ ARCHIVE_URL: "s3://shop-archive/eu/2026/", ...keys }, "s3://shop-archive/eu/2026"]
  ])("by %j", async (variables, location) => {
    expect(await locationOf(variables)).toBe(location)
  })
})

describe("a setting that names none is told of, without secrets", () => {
  it.each([
    [{ ARCHIVE_URL: "ftp://host/folder" }, /ARCHIVE_URL is "ftp:\/\/host\/folder", which is neither/],
    [{ ARCHIVE_URL: "s3://", ...keys }, /s3:\/\/bucket\/prefix/],
    [{ ARCHIVE_URL: "file://elsewhere/books" }, /is no file of this machine/],
    [{ ARCHIVE_URL: "s3://shop-archive", AWS_SECRET_ACCESS_KEY: "s3cret" }, /AWS_ACCESS_KEY_ID/]
  ])("%j", async (variables, said) => {
    const error = await locationOf(variables).then(
      () => new Error("It was taken"),
      (reason: Error) => reason
    )
    expect(error.message).toMatch(said)
    expect(error.message).not.toContain("s3cret")
  })
})

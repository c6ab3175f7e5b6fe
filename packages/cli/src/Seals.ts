/**
 * The seals of the services: where they are, whose keys are trusted, and what the `daybook audit` commands about them have in common.
 */
import { existsSync, readFileSync } from "node:fs"
import { reasonOf } from "@daybook/core/Problem"
import { hasTable, migrate } from "@daybook/postgres/Migrations"
import { parseAnchor, type SignedAnchor } from "@daybook/postgres/SealAnchors"
import * as SealKeys from "@daybook/postgres/SealKeys"
import { readKeys } from "@daybook/postgres/SealRows"
import * as SqlSeals from "@daybook/postgres/SqlSeals"
import * as Settings from "@daybook/shop/Settings"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { Failure } from "./Failure.ts"
import * as Journals from "./Journals.ts"

export const anchorFlag = Flag.String("anchor").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("An anchor that daybook audit anchor wrote some time ago, kept elsewhere"),
  Flag.optional
)

/** A journal, and the client of its database. */
export interface Journal extends Pick<Journals.Journal, "service" | "schema" | "context"> {
  /** Whether it has tables for seals. An earlier release had none. */
  readonly sealable: boolean
}

const nothingHere = new Failure({
  message: "No service has run on this database. Name another one with DAYBOOK_HOME or DATABASE_URL."
})

/** The journals of a service, or of all, that are there. Nothing is created. */
export const open = Effect.fnUntraced(function* (only: Option.Option<Settings.ServiceName>) {
  const opened = yield* Journals.open(
    Option.match(only, { onNone: () => Settings.serviceNames, onSome: (one) => [one] })
  )
  if (opened.length === 0) return yield* nothingHere
  return yield* Effect.forEach(opened, ({ service, schema, context }) =>
    Effect.map(
      Effect.provideContext(hasTable(schema, "seal_removal"), context),
      (sealable): Journal => ({ service, schema, context, sealable })
    )
  )
})

/** The same, with tables for seals made where there were none. */
export const openSealable = Effect.fnUntraced(function* (only: Option.Option<Settings.ServiceName>) {
  const journals = yield* open(only)
  return yield* Effect.forEach(journals, (journal) =>
    Effect.as(Effect.provideContext(migrate(journal.schema, SqlSeals.migrations), journal.context), {
      ...journal,
      sealable: true
    })
  )
})

const keysOf = (journals: ReadonlyArray<Journal>) =>
  Effect.forEach(
    journals.filter(({ sealable }) => sealable),
    ({ schema, context }) => Effect.provideContext(readKeys(schema), context)
  )

/** The hand-overs that any of these journals knows of: one that has sealed nothing, or whose service came later, may know of none. */
export const handOversOf = (journals: ReadonlyArray<Journal>) =>
  Effect.map(keysOf(journals), (known) => known.flatMap(({ handOvers }) => handOvers))

/** Whether a key has begun to seal any of these journals. */
export const isBegun = (journals: ReadonlyArray<Journal>) =>
  Effect.map(keysOf(journals), (known) => known.some(({ keys }) => keys.length > 0))

/** The key that the settings name. */
export const key = Effect.map(Settings.sealKeyFile, SealKeys.SealKeys.layerFile)

/** Fails where a key is none of those that have sealed: what it signs would be trusted by nobody who verifies. */
export const checkSealer = Effect.fnUntraced(function* (journals: ReadonlyArray<Journal>, publicKey: string) {
  const trusted = SealKeys.trustedBy([publicKey], yield* handOversOf(journals))
  for (const { service, schema, context } of journals) {
    const { keys } = yield* Effect.provideContext(readKeys(schema), context)
    const ids = keys.map(SealKeys.keyIdOf)
    if (ids.some((id) => trusted.has(id))) continue
    return yield* new Failure({
      message:
        `The seals of ${service} are made with another key (${ids.join(", ")}) than ${SealKeys.keyIdOf(publicKey)}, which is in ` +
        `${yield* Settings.sealKeyFile}. Put the file of that key back, or name it with SEAL_KEY_FILE.`
    })
  }
})

const noKey = (file: string): Failure =>
  new Failure({
    message:
      `There is no key to trust: ${file} is not there. Name the public key of whoever sealed (daybook audit anchor prints it) with ` +
      "--public-key, or the private one with SEAL_KEY_FILE."
  })

/** Reads a file that is to hold a public key, and not the private one, which nobody who verifies needs to have. */
const readPublicKeyFile = (file: string) =>
  Effect.try({
    try: () => readFileSync(file, "utf8"),
    catch: (error) => new Failure({ message: `The public key ${file} cannot be read: ${reasonOf(error)}.` })
  }).pipe(
    Effect.flatMap((pem) =>
      Effect.try({
        try: () => {
          if (pem.includes("PRIVATE KEY-----")) throw new Error("it holds a private key")
          if (!pem.includes("-----BEGIN PUBLIC KEY-----")) throw new Error("it does not say BEGIN PUBLIC KEY")
          return SealKeys.publicKeyOfPem(pem)
        },
        catch: (error) =>
          new Failure({
            message:
              `${file} is no public key in PEM form (Ed25519): ${reasonOf(error)}. daybook audit anchor tells the public key that goes with ` +
              "SEAL_KEY_FILE, and openssl pkey -in FILE -pubout that of any private one."
          })
      })
    )
  )

/** The public keys to trust: those in the files that were named, or else that of the key in the settings. Never the database's. */
export const trustedKeys = Effect.fnUntraced(function* (files: ReadonlyArray<string>) {
  if (files.length > 0) return yield* Effect.forEach(files, readPublicKeyFile)
  const file = yield* Settings.sealKeyFile
  return existsSync(file) ? [yield* SealKeys.readPublicKey(file)] : yield* noKey(file)
})

/** Reads an anchor. */
export const readAnchor = (file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const anchor: SignedAnchor = yield* Effect.flatMap(fs.readFileString(file), parseAnchor)
    return anchor
  }).pipe(
    Effect.mapError(
      () =>
        new Failure({
          message: `${file} cannot be read as an anchor. Give a file that daybook audit anchor --output has written.`
        })
    )
  )

/**
 * `daybook audit rotate`: has a new key go on sealing. The old one signs that it has handed over, and is put aside.
 */
import { existsSync, linkSync, readFileSync, renameSync } from "node:fs"
import { reasonOf } from "@daybook/core/Problem"
import { checkHandOver, recordHandOver } from "@daybook/postgres/SealAuthority"
import { handOver, newPem, pemOf, publicKeyOfPem, SealKeys, signerOfPem, writeNew } from "@daybook/postgres/SealKeys"
import * as Settings from "@daybook/shop/Settings"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import * as Seals from "./Seals.ts"

const cannotMove =
  (file: string) =>
  (error: unknown): Failure =>
    new Failure({
      message: `The keys cannot be exchanged: ${reasonOf(error)}. Check that you may write ${file} and its folder, and run daybook audit rotate again.`
    })

/** The public key that an earlier run, which did not come to its end, has written. */
const waitingKey = (waiting: string): string | undefined =>
  existsSync(waiting) ? publicKeyOfPem(readFileSync(waiting, "utf8")) : undefined

/** `daybook audit rotate`. */
export const auditRotateCommand = Command.make(
  "rotate",
  { json },
  Effect.fn("Daybook.auditRotate")(function* ({ json }) {
    const file = yield* Settings.sealKeyFile
    if (!existsSync(file)) {
      return yield* new Failure({
        message: `There is no key ${file} to hand over from: the first one is made when something is sealed.`
      })
    }
    const { signer } = yield* Effect.provide(SealKeys, yield* Seals.key)
    const old = yield* signer
    const journals = yield* Seals.openSealable(Option.none())
    const waiting = `${file}.next`
    const begun = yield* Effect.try({ try: () => waitingKey(waiting), catch: cannotMove(file) })
    // Everywhere before it is recorded anywhere: a key that seals nowhere is to leave no trace.
    yield* Effect.forEach(journals, ({ schema, context }) =>
      Effect.provideContext(checkHandOver(schema, old.publicKey, begun), context)
    )
    // Written before anything is recorded, and found again by a second run if this one does not come to its end.
    const next = yield* Effect.try({
      try: () => {
        if (!existsSync(waiting)) writeNew(waiting, newPem())
        return signerOfPem(readFileSync(waiting, "utf8"))
      },
      catch: cannotMove(file)
    })
    const statement = handOver(old, next)
    for (const { schema, context } of journals) {
      yield* Effect.provideContext(recordHandOver(schema, statement), context)
    }
    const aside = `${file}.${old.keyId}`
    yield* Effect.try({
      try: () => {
        // At no moment without a key, since a shop at work would make one of its own.
        if (!existsSync(aside)) linkSync(file, aside)
        renameSync(waiting, file)
      },
      catch: cannotMove(file)
    })
    yield* Console.log(
      json
        ? JSON.stringify({ from: old.keyId, to: next.keyId, publicKey: pemOf(next.publicKey), aside })
        : [
            `Key ${old.keyId} has handed over to ${next.keyId}, whose public key is:`,
            pemOf(next.publicKey),
            `The old key is in ${aside}: nothing needs it any more. Give the new ${file} to every process that seals.`
          ].join("\n")
    )
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Makes a new key, has the old one sign in every service that the new one continues its seals, and puts the new one into SEAL_KEY_FILE. " +
      "Who trusts either key trusts what both have sealed. Shops on this machine notice by themselves; others seal again once they are " +
      "given the new file"
  ),
  Command.withShortDescription("Have a new key go on sealing"),
  Command.withExamples([{ command: "daybook audit rotate", description: "Once a year, or when somebody leaves" }])
)

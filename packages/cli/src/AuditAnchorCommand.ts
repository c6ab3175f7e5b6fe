/**
 * `daybook audit anchor`: the newest block of every partition, signed, in one small file to be kept elsewhere; and the public key.
 */
import { headsOf, signAnchor } from "@daybook/postgres/SealAnchors"
import { pemOf, SealKeys } from "@daybook/postgres/SealKeys"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Failure } from "./Failure.ts"
import * as Flags from "./Flags.ts"
import * as OutputFile from "./OutputFile.ts"
import * as Seals from "./Seals.ts"

const nothingSealed = new Failure({
  message: "Nothing is sealed yet, so that there is nothing to anchor. Seal first: daybook audit seal"
})

/** `daybook audit anchor`. */
export const auditAnchorCommand = Command.make(
  "anchor",
  {
    output: Flags.output("Where to write the anchor; by default to standard output"),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Say nothing else: neither the public key nor how much is anchored"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("Daybook.auditAnchor")(function* ({ output, json }) {
    if (Option.isSome(output)) yield* OutputFile.check(output.value)
    const journals = (yield* Seals.open(Option.none())).filter(({ sealable }) => sealable)
    const heads = yield* Effect.forEach(journals, ({ schema, context }) =>
      Effect.provideContext(headsOf(schema), context)
    )
    if (heads.flat().length === 0) return yield* nothingSealed
    const { signer } = yield* Effect.provide(SealKeys, yield* Seals.key)
    const key = yield* signer
    yield* Seals.checkSealer(
      journals.filter((_, i) => heads[i]!.length > 0),
      key.publicKey
    )
    const text = JSON.stringify(yield* signAnchor(heads.flat(), key))
    if (Option.isNone(output)) yield* Console.log(text)
    else yield* OutputFile.write(output.value, OutputFile.text(`${text}\n`))
    if (json) return
    const partitions = heads.flat().length
    yield* Console.error(
      [
        `The public key that goes with it (${key.keyId}):`,
        pemOf(key.publicKey),
        `An anchor of ${partitions} ${partitions === 1 ? "partition" : "partitions"} was written` +
          `${Option.isSome(output) ? ` to ${output.value}` : ""}.`
      ].join("\n")
    )
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Writes an anchor: the hash of the newest block of every partition of every service, signed, as JSON. Keep it, and the public key " +
      "that is told on standard error with it, where whoever may change the databases cannot: with the auditor, in print, in another account. daybook audit verify " +
      "--anchor then finds it out when newer blocks were rolled back, even by somebody who has the private key"
  ),
  Command.withShortDescription("Write down the newest seals, to be kept elsewhere"),
  Command.withExamples([
    { command: "daybook audit anchor --output anchor-2026-11-22.json", description: "Once a day, say" },
    { command: "daybook audit anchor --json | mail -s anchor auditor@example.com", description: "To somebody else" }
  ])
)

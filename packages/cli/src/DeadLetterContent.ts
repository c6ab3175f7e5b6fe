/**
 * The content of a dead letter as an operator corrects it: from a file, or in an editor. What is wrong with it is found out before
 * anything is changed. Used by `daybook dead-letter replay`.
 */
import { UnreadableMessage } from "@daybook/core/Contract"
import { fromCloudEvent, type Message, toCloudEvent } from "@daybook/core/Message"
import { parties } from "@daybook/services/Parties"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import type { Letter } from "./DeadLetters.ts"
import { Failure } from "./Failure.ts"

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

const parse = (text: string, where: string): Effect.Effect<Schema.Json, Failure> =>
  Option.match(decodeJson(text), {
    onNone: () => Effect.fail(new Failure({ message: `${where} is not JSON. Nothing was changed.` })),
    onSome: Effect.succeed
  })

const isCloudEvent = (value: Schema.Json): boolean =>
  typeof value === "object" && value !== null && "specversion" in value

/** For people to read and edit: indented where it is JSON, else as it came. */
export const pretty = (text: string): string =>
  Option.match(decodeJson(text), { onNone: () => text, onSome: (value) => JSON.stringify(value, undefined, 2) })

const contracts = parties.flatMap(({ sends, receives }) => [...sends, ...receives])

/** What is wrong with a message by the contract of its topic; nothing where the topic is none of ours. */
const complaintOf = (topic: string, message: Message): string | undefined => {
  try {
    contracts.find((contract) => contract.topic === topic)?.decode(message)
    return undefined
  } catch (error) {
    if (error instanceof UnreadableMessage) return error.message.replaceAll(/\s*\n\s*/g, " ")
    throw error
  }
}

/** The inbox knows a message by these, and keeps the order of its key. */
const checkIdentity = ({ message: before }: Letter, now: Message, where: string): Effect.Effect<void, Failure> => {
  if (before === undefined || (before.id === now.id && before.key === now.key)) return Effect.void
  return Effect.fail(
    new Failure({
      message:
        `${where} has the id ${JSON.stringify(now.id)} and the key (partitionkey) ${JSON.stringify(now.key)}; these stay as they ` +
        `were: ${JSON.stringify(before.id)} and ${JSON.stringify(before.key)}. Nothing was changed.`
    })
  )
}

/** The text of a CloudEvent, found to be what its consumer can read. */
const checked = Effect.fnUntraced(function* (letter: Letter, value: Schema.Json, where: string) {
  const text = JSON.stringify(value)
  const message = Option.getOrUndefined(fromCloudEvent(text))
  if (message === undefined) {
    return yield* new Failure({
      message:
        `${where} is not a CloudEvent that a consumer could read: it needs specversion "1.0", id, source, type, time, partitionkey, ` +
        "schemaversion and data. Nothing was changed."
    })
  }
  yield* checkIdentity(letter, message, where)
  const complaint = complaintOf(letter.held.topic, message)
  if (complaint !== undefined) return yield* new Failure({ message: `${complaint}. Nothing was changed.` })
  return toCloudEvent(message)
})

/** The content of a file: a whole CloudEvent, or the data alone, which then goes into the envelope that the letter has. */
export const fromFile = Effect.fnUntraced(function* (letter: Letter, file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(file),
    (error) => new Failure({ message: `${file} cannot be read: ${error.message}. Nothing was changed.` })
  )
  const value = yield* parse(text, file)
  if (isCloudEvent(value)) return yield* checked(letter, value, file)
  if (letter.message === undefined) {
    return yield* new Failure({
      message:
        `Message ${letter.held.number} has no envelope that could be read, so that ${file} has to be a whole CloudEvent, with ` +
        "specversion and so on. Nothing was changed."
    })
  }
  const event = JSON.parse(toCloudEvent({ ...letter.message, data: value }))
  return yield* checked(letter, event, file)
})

/** `VISUAL` or `EDITOR`, which may be a command with arguments. */
const editor = Config.String("VISUAL").pipe(
  Config.orElse(() => Config.String("EDITOR")),
  Config.withDefault("vi")
)

/** The content as someone has left it in their editor. What they have written is kept where it cannot be used. */
export const fromEditor = Effect.fnUntraced(function* (letter: Letter) {
  const fs = yield* FileSystem.FileSystem
  const command = yield* editor
  const folder = yield* fs.makeTempDirectory({ prefix: "daybook-" })
  const file = `${folder}/message-${letter.held.number}.json`
  const before = `${pretty(letter.held.text)}\n`
  yield* fs.writeFileString(file, before, { mode: 0o600 })
  const remove = Effect.ignore(fs.remove(folder, { recursive: true }))
  // The editor's command may have arguments; the shell passes the file to it as one.
  const edit = ChildProcess.make("sh", ["-c", `${command} "$0"`, file], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit"
  })
  const code = yield* Effect.scoped(Effect.flatMap(edit, ({ exitCode }) => exitCode))
  const after = yield* fs.readFileString(file)
  if (code !== 0 || after === before) yield* remove
  if (code !== 0) {
    return yield* new Failure({
      message: `The editor (${command}) ended with ${code}. Nothing was changed. Choose another with EDITOR.`
    })
  }
  if (after === before) {
    return yield* new Failure({
      message:
        "Nothing was changed in the editor, and so nothing was done. To replay the message as it is, leave --edit out."
    })
  }
  const corrected = Effect.flatMap(parse(after, file), (value) => checked(letter, value, file))
  const text = yield* Effect.mapError(
    corrected,
    ({ message }) =>
      new Failure({ message: `${message}\nWhat you wrote is kept. Correct it, and use it with --data ${file}` })
  )
  yield* remove
  return text
})

/**
 * A process that takes the lock on a store: prints "held" and keeps it until it is killed, or prints why not and ends.
 * `node StoreLockHolder.ts FOLDER [TIME]` tries at that time (milliseconds since 1970), so that several try at once.
 */
import * as StoreLock from "@daybook/postgres/StoreLock"
import * as Effect from "effect/Effect"

const [folder = "", time = "0"] = process.argv.slice(2)

// Busy until then, since a timer would be late by a millisecond or more.
while (Date.now() < Number(time));

const say = (word: string) => Effect.sync(() => process.stdout.write(`${word}\n`))

// A fiber that waits for ever does not keep the process alive.
const alive = setInterval(() => {}, 1_000)

await Effect.runPromise(
  Effect.scoped(
    StoreLock.hold(folder).pipe(
      Effect.andThen(say("held")),
      Effect.andThen(Effect.never),
      Effect.catch((refusal) => say(refusal._tag))
    )
  )
)
clearInterval(alive)

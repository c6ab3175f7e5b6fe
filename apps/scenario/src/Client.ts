/**
 * A client as patient as a storefront's: whatever fails for a reason that may pass is sent again, a command under the same key.
 */
import { setTimeout as sleep } from "node:timers/promises"

/** How long a request is tried. Longer than any process is down. */
const patienceMillis = 300_000
const pauseMillis = 200
const answerWithinMillis = 30_000

/** An answer that no repetition will change. */
export interface Answer<Body = unknown> {
  readonly status: number
  /** As JSON; what it is believed to be where the status is that of success. */
  readonly body: Body
}

const isPassing = (status: number): boolean => status >= 500 || status === 429

/** One attempt; `undefined` when it came to nothing that counts. */
const attempt = async (method: string, url: string, body: unknown, key: string | undefined) => {
  try {
    const answer = await fetch(url, {
      method,
      signal: AbortSignal.timeout(answerWithinMillis),
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    return isPassing(answer.status) ? undefined : { status: answer.status, body: JSON.parse(text) as never }
  } catch {
    return undefined
  }
}

const send = async <Body>(method: string, url: string, body?: unknown, key?: string): Promise<Answer<Body>> => {
  const givingUpAt = performance.now() + patienceMillis
  while (performance.now() < givingUpAt) {
    const answer = await attempt(method, url, body, key)
    if (answer !== undefined) return answer
    await sleep(pauseMillis)
  }
  throw new Error(`${method} ${url} had no answer for ${patienceMillis / 1000} s`)
}

export const get = <Body>(url: string): Promise<Answer<Body>> => send("GET", url)

/** Sends a command that is expected to be taken. */
export const command = async (url: string, body: unknown, key: string): Promise<Answer> => {
  const answer = await send<unknown>("POST", url, body, key)
  if (answer.status !== 202) throw new Error(`POST ${url} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer
}

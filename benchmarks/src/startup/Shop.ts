/**
 * The shop as a user starts it, and some customers who fill carts over HTTP. Used by `startup`.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "@daybook/infra/FreePort"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { type Launched, launch } from "./Launch.ts"

/** A shop that is ready. */
export interface Shop extends Launched {
  readonly url: string
}

/** How often readiness is asked for: what a start seems longer at most. */
const askEveryMillis = 10

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/health/ready`).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status === 200
    },
    () => false
  )

/** `npm start` with its store in a folder. */
export const startShop = async (home: string, environment: Readonly<Record<string, string>> = {}): Promise<Shop> => {
  const port = String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const launched = await launch({
    command: "npm",
    args: ["start"],
    environment: { ...environment, DAYBOOK_HOME: home, PORT: port },
    ready: async (_, over) => {
      while (!(await isReady(url)) && !over.aborted) await sleep(askEveryMillis)
    }
  })
  return { ...launched, url }
}

const post = async (url: string, body: object): Promise<Readonly<Record<string, unknown>>> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  const answer = await response.text()
  if (response.status !== 202) throw new Error(`POST ${url} answered ${response.status}: ${answer}`)
  return JSON.parse(answer)
}

/** Opens carts and puts two items into each, one command after the other. Answers their ids: all of that was acknowledged. */
export const fillCarts = async (url: string, count: number): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  for (let cart = 0; cart < count; cart++) {
    const { id } = await post(`${url}/carts`, { currency: "GBP", customerId: `customer-${cart}` })
    for (const [sku] of demoCatalogue.slice(0, 2)) await post(`${url}/carts/${id}/items`, { sku, quantity: 1 })
    ids.push(String(id))
  }
  return ids
}

/** Fails unless each of these carts has all three of its commands. */
export const expectCarts = async (url: string, ids: ReadonlyArray<string>): Promise<void> => {
  for (const id of ids) {
    const response = await fetch(`${url}/carts/${id}?atLeastVersion=3`)
    const answer = await response.text()
    if (response.status !== 200)
      throw new Error(`Cart ${id} was acknowledged, and is answered ${response.status}: ${answer}`)
  }
}

import * as Aggregate from "@daybook/core/Aggregate"
import * as Cart from "@daybook/services/cart/Domain"
import { describe, expect, it } from "vitest"
import { linesPerCart, steps } from "../src/commands/CartLoad.ts"

const cart = Cart.make()

/** The first carts of a caller, each with the commands that went to it. */
const cartsOf = (caller: number, commands: number) => {
  const carts = new Map<string, Array<Cart.Command>>()
  const next = steps(caller)
  for (let i = 0; i < commands; i++) {
    const { cartId, command } = next()
    carts.set(cartId, [...(carts.get(cartId) ?? []), command])
  }
  return [...carts.values()]
}

describe("the load of the commands benchmark", () => {
  it("is accepted by the cart, one event for each command", () => {
    for (const commands of cartsOf(1, 500)) {
      let state = cart.initial
      for (const command of commands) {
        const verdict = Aggregate.decide(cart, command, state)
        expect(verdict).toHaveLength(1)
        state = Aggregate.evolveAll(cart, state, verdict as ReadonlyArray<never>)
      }
      expect(state.lines).toHaveLength(commands.length - 1)
    }
  })

  it("opens each cart once and gives it a realistic number of lines", () => {
    const complete = cartsOf(2, 2_000).slice(0, -1)
    for (const commands of complete) {
      expect(commands.map(({ _tag }) => _tag)).toEqual(["OpenCart", ...Array(commands.length - 1).fill("AddItem")])
      expect(commands.length - 1).toBeGreaterThanOrEqual(linesPerCart.min)
      expect(commands.length - 1).toBeLessThanOrEqual(linesPerCart.max)
    }
    expect(new Set(complete.map((commands) => commands.length)).size).toBeGreaterThan(10)
  })

  it("is the same in every run, but for the ids", () => {
    const goods = () => cartsOf(3, 300).map((commands) => commands.map((c) => (c._tag === "AddItem" ? c.sku : c._tag)))
    expect(goods()).toEqual(goods())
    expect(cartsOf(3, 1)).toHaveLength(1)
  })

  it("gives callers different carts and every command an id of its own", () => {
    const [first, second] = [steps(1), steps(2)]
    const taken = Array.from({ length: 50 }, () => [first(), second()]).flat()
    expect(new Set(taken.map((step) => step.sender.commandId)).size).toBe(100)
    expect(taken.filter((step) => step.cartId === taken[0]!.cartId).every((_, i) => i < 50)).toBe(true)
  })
})

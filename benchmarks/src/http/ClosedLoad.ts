/**
 * A closed load of commands over HTTP, in a process of its own: as many customers as connections, each of whom sends the next
 * command when the one before is answered. Used by `http` to saturate a server.
 */
import { measured, type Round, type Start } from "../Contestant.ts"
import { Connections } from "./Connections.ts"
import { storedIn } from "./Stored.ts"
import { Carts, type Customer, commandRequest } from "./Traffic.ts"

const serve = ({ next }: Customer, connections: Connections, { goesOn, answered }: Round): Promise<void> =>
  new Promise((resolve) => {
    const send = (): void => {
      if (!goesOn()) return resolve()
      const asked = performance.now()
      connections.send(commandRequest(next()), () => {
        answered(performance.now() - asked)
        send()
      })
    }
    send()
  })

/** Starts the generator for the server at `url`. A round fails when any command is not answered with success. */
export const start: Start = async (databaseUrl, { url, callers }) => {
  const { customers } = new Carts(Number(callers), Math.random)
  const drive = (connections: Connections) => async (round: Round) => {
    await Promise.all(customers.map((customer) => serve(customer, connections, round)))
  }
  return {
    round: async (load) => {
      const { cpuMicrosPerCommand, ...figures } = await Connections.using(
        String(url),
        customers.length,
        (connections) => measured(load, drive(connections))
      )
      return { ...figures, requests: figures.commands!, generatorCpuMicrosPerRequest: cpuMicrosPerCommand! }
    },
    stored: () => storedIn(databaseUrl),
    close: () => Promise.resolve()
  }
}

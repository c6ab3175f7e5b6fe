/**
 * The records of published contracts, in `contracts/`: a file for each topic. Read by the test that holds the contracts to them,
 * written by `npm run contracts`.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as AsyncApi from "@daybook/core/AsyncApi"
import type { Contract } from "@daybook/core/Contract"
import { parties } from "../src/Parties.ts"
import { type Changes, compare, merge, type Recorded } from "./ContractChanges.ts"

const folder = new URL("contracts/", import.meta.url)

const fileOf = (topic: string): URL => new URL(`${topic}.json`, folder)

/** Every contract that a service sends on or listens to, each once, in the order of their topics. */
export const contracts: ReadonlyArray<Contract<any>> = [
  ...new Map(
    parties.flatMap(({ sends, receives }) => [...sends, ...receives]).map((contract) => [contract.topic, contract])
  ).values()
].toSorted((a, b) => (a.topic < b.topic ? -1 : 1))

/** The topics that have a record. */
export const recordedTopics = (): ReadonlyArray<string> =>
  readdirSync(folder)
    .map((file) => file.replace(/\.json$/, ""))
    .toSorted()

/** What is recorded of a topic; nothing of one that is new. */
export const recorded = (topic: string): Recorded =>
  existsSync(fileOf(topic)) ? JSON.parse(readFileSync(fileOf(topic), "utf8")) : {}

/** How a contract differs from its record. */
export const changesSince = (contract: Contract<any>): Changes =>
  compare(recorded(contract.topic), AsyncApi.schemasOf(contract))

/** Adds what is new in a contract to its record. */
export const record = (contract: Contract<any>): void => {
  const merged = merge(recorded(contract.topic), AsyncApi.schemasOf(contract))
  writeFileSync(fileOf(contract.topic), `${JSON.stringify(merged, undefined, 2)}\n`)
}

/** What to do about a change that breaks someone. */
export const remedy =
  "What was published under a version stays as it is, since old messages and old readers are still about. Take the change back, " +
  "or make it in a new version with an upcaster from the one before: Contract.versioned(version, fields, upcasters)."

/** Many buyers, some of them at once: the load under which tests stop and kill processes of the shop. */

/** Buyers who are at it at once. */
export const buyersAtOnce = 8

/** Does something for each buyer, in the order of the numbers. */
export const forBuyers = async (numbers: ReadonlyArray<number>, act: (n: number) => Promise<void>): Promise<void> => {
  const waiting = [...numbers]
  const lane = async () => {
    for (let n = waiting.shift(); n !== undefined; n = waiting.shift()) await act(n)
  }
  await Promise.all(Array.from({ length: buyersAtOnce }, lane))
}

/**
 * Tables for people: columns of equal width, numbers to the right.
 */

/** A cell. Numbers are grouped by thousands; they, and what says so, are set to the right. */
export type Cell = string | number | { readonly right: string }

/** `370,931`. */
export const group = (value: number): string => value.toLocaleString("en-GB")

const textOf = (cell: Cell): string =>
  typeof cell === "string" ? cell : typeof cell === "number" ? group(cell) : cell.right

/** Lines of text, with two spaces between columns. */
export const table = (rows: ReadonlyArray<ReadonlyArray<Cell>>): string => {
  const widths: Array<number> = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, textOf(cell).length)
    })
  }
  const padded = (cell: Cell, i: number) =>
    typeof cell === "string" ? cell.padEnd(widths[i]!) : textOf(cell).padStart(widths[i]!)
  return rows.map((row) => row.map(padded).join("  ").trimEnd()).join("\n")
}

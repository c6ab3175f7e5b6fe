/**
 * Rows of a program as a table of one statement: an array for each column, which `unnest` puts side by side. For projections.
 *
 * PostgreSQL reads arrays in half the time that `json_to_recordset` takes for the same rows, and they are written in half the time.
 * They are sent as text, since the two drivers differ in how they encode anything else.
 */

/** The SQL type of each column of a row. Values of `json` are JSON texts, as `JSON.stringify` makes them. */
export type Types<Row> = {
  readonly [Name in keyof Row & string]: "text" | "integer" | "bigint" | "float8" | "date" | "json"
}

/** A table expression and the parameters in it, which are the statement's first. */
export interface RowSet {
  readonly from: string
  readonly params: Array<string>
}

/** A text as an element of an array in PostgreSQL's own notation. */
export const quoted = (text: string): string =>
  text.includes('"') || text.includes("\\") ? `"${text.replace(/["\\]/g, "\\$&")}"` : `"${text}"`

/** Elements as an array in PostgreSQL's own notation; texts among them are `quoted`. */
export const arrayOf = (elements: ReadonlyArray<string | number>): string => `{${elements.join(",")}}`

const element = (value: unknown): string => {
  if (typeof value === "string") return quoted(value)
  return value === null ? "NULL" : String(value)
}

/** Rows as the table `alias`, whose columns have the names and the types that are given, in that order. */
export const of = <Row extends { readonly [Name in keyof Row]: string | number | bigint | null }>(
  alias: string,
  types: Types<Row>,
  rows: ReadonlyArray<NoInfer<Row>>
): RowSet => {
  const names = Object.keys(types) as unknown as ReadonlyArray<keyof Row & string>
  const arrays = names.map((name, i) =>
    types[name] === "json"
      ? `string_to_array($${i + 1}::text, E'\\x1f', '')::json[]`
      : `$${i + 1}::text::${types[name]}[]`
  )
  return {
    from: `unnest(${arrays.join(", ")}) AS ${alias} (${names.map((name) => `"${name}"`).join(", ")})`,
    params: names.map((name) =>
      types[name] === "json"
        ? rows.map((row) => row[name] ?? "").join("\u001f")
        : arrayOf(rows.map((row) => element(row[name])))
    )
  }
}

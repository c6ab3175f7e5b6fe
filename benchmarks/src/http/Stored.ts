/**
 * How many events the cart service has stored, to be held against the commands that it acknowledged over HTTP. Used by `http`.
 */
import { schema } from "@daybook/services/cart/Cart"
import { connect } from "../Server.ts"

/** Counts them. */
export const storedIn = async (databaseUrl: string): Promise<number> => {
  await using database = connect(databaseUrl)
  const [row] = await database.query<{ readonly n: number }>(`SELECT count(*)::integer AS n FROM ${schema}.event`)
  return row!.n
}

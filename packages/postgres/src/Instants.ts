/**
 * Times in SQL text: columns are `timestamptz`, and everything outside SQL has milliseconds since 1970. For adapters and read models.
 */

/** The instant of a number of milliseconds, an expression such as `r."atMillis"` or `$1::text::float8`. */
export const instantOf = (millis: string): string => `timestamptz 'epoch' + ${millis} * interval '1 millisecond'`

/** The milliseconds of an instant, with what PostgreSQL has below them as a fraction. */
export const millisOf = (instant: string): string => `date_part('epoch', ${instant}) * 1000`

/** The same as a whole number, for times that were given so. */
export const wholeMillisOf = (instant: string): string => `round(${millisOf(instant)})`

/**
 * The milliseconds of what was recorded, as everyone but the database sees it: the order of two events within one does not show. Half is
 * up, as with `Math.round`.
 */
export const storedMillisOf = (instant: string): string => `floor(${millisOf(instant)} + 0.5)`

/** An instant as ISO 8601 has it, in UTC: `2026-11-22T04:05:06.789Z`. */
export const isoOf = (instant: string): string =>
  `to_char(${instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/**
 * Instants as people and programs write them, RFC 3339: `2011-03-31T23:59:59Z`. For queries about the past, over HTTP and on the
 * command line, and for whatever else takes a day or a time.
 */

const pattern = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))$/i

/** Whether the calendar has a day, given as `2011-03-31`: not 2011-02-31, which a `Date` would take for 3 March. */
export const isDay = (day: string): boolean => {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/**
 * Milliseconds since 1970, or `undefined` when the text is no instant: a day alone is none, nor is a time without its offset from
 * UTC. What is below milliseconds is cut off.
 */
export const parse = (text: string): number | undefined => {
  const found = pattern.exec(text)
  if (found === null) return undefined
  const [, day, hours, minutes, seconds, offsetHours = "00", offsetMinutes = "00"] = found
  const fits = hours! <= "23" && minutes! <= "59" && seconds! <= "59" && offsetHours <= "23" && offsetMinutes <= "59"
  return fits && isDay(day!) ? Date.parse(text.toUpperCase()) : undefined
}

/** An instant as RFC 3339 has it, in UTC: `2011-03-31T23:59:59.000Z`. */
export const format = (millis: number): string => new Date(millis).toISOString()

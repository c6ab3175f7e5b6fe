/**
 * Sizes for people, both ways: `12.3 MB`, and what someone types. Decimal units, as disks are sold; `GiB` and the like are understood.
 */

const units = ["B", "kB", "MB", "GB", "TB", "PB"]

/** `12.3 MB`. */
export const bytes = (count: number): string => {
  let value = count
  let unit = 0
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

const exponents = "kmgtp"

/** The bytes of `100GB`, `1.5 TB`, `512MiB` or a plain number; throws what to type where it is none of these. */
export const parseBytes = (text: string): number => {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp])?(i)?b?\s*$/i.exec(text)
  if (match === null) throw new Error(`a size such as 100GB, 1.5TB or 512MiB, not ${JSON.stringify(text)}`)
  const exponent = match[2] === undefined ? 0 : exponents.indexOf(match[2].toLowerCase()) + 1
  return Math.round(Number(match[1]) * (match[3] === undefined ? 1_000 : 1_024) ** exponent)
}

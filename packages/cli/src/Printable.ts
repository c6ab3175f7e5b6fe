/**
 * What others have written, as it may go to a terminal: without control characters, which could do anything there.
 */

/** On one line. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, "\ufffd")

/** Its lines stay. */
export const printableLines = (text: string): string => text.replaceAll(/[^\P{Cc}\n]/gu, "\ufffd")

/** On one line, with a space where there were some: for prose. */
export const printableProse = (text: string): string => text.replaceAll(/\p{Cc}+/gu, " ")

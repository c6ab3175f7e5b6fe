/**
 * Text that every store gives back as it was given: UTF-8 has no unpaired surrogates, and PostgreSQL's text no NUL. Held to by journals,
 * by what comes as a message, and by whatever else comes from outside.
 */

/** Whether a text would come back unchanged. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\u0000")

/**
 * Who does something, as a command's `actor` says it, so that no command is nobody's. A gateway names people as it likes; what follows
 * is what Daybook itself says.
 */

/** Somebody over HTTP whom no gateway has named (`x-actor`). */
export const anonymous = "anonymous"

/** A part of the system, of its own accord: a timer, or a service that was told by nobody in particular. */
export const system = (part: string): string => `system:${part}`

/** Somebody at a command line, by the name that the machine knows them by. */
export const operator = (user: string): string => `operator:${user}`

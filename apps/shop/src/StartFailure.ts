/**
 * Why the shop cannot start, in words for whoever started it: what is wrong, with which value, and what to do. They do not want
 * to know where in the code it went wrong.
 */
import { reasonOf } from "@daybook/core/Problem"
import * as Config from "effect/Config"
import { ServeError } from "effect/http/HttpServerError"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Listen } from "./Settings.ts"

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** The value is shown, since what may be secret is plain text, of which there is no wrong kind. */
const ofSetting = ({ cause }: Config.ConfigError): string => {
  if (!Schema.isSchemaError(cause)) return cause.message
  return formatIssue(cause.issue)
    .issues.map(({ path, message }) => {
      const name = (path ?? []).join("_")
      // Whatever is set is text.
      if (message === "Expected string") return `${name} is not set, and what is asked for needs it. Set it.`
      return `${name} is ${JSON.stringify(process.env[name])}. ${message}. Correct the setting, or leave it out for its default.`
    })
    .join(" ")
}

const ofListening = ({ host, port }: Listen, cause: NodeJS.ErrnoException): string => {
  if (cause.code === "EADDRINUSE") {
    return `Port ${port} of ${host} is in use. Stop the program that uses it, or choose another port with PORT.`
  }
  if (cause.code === "EADDRNOTAVAIL" || cause.code === "ENOTFOUND") {
    return `${host} is no address of this machine. Choose another with HOST: 127.0.0.1 for this machine alone, 0.0.0.0 for all.`
  }
  if (cause.code === "EACCES") {
    return `Port ${port} is reserved for the system's administrator. Choose one of 1024 or more with PORT.`
  }
  return `Port ${port} of ${host} cannot be listened on: ${cause.message}. Choose another with PORT and HOST.`
}

/** One line. */
export const explain = (error: unknown, listen: Listen | undefined): string => {
  if (error instanceof Config.ConfigError) return ofSetting(error)
  if (error instanceof ServeError && listen !== undefined) {
    return ofListening(listen, error.cause as NodeJS.ErrnoException)
  }
  return reasonOf(error).replaceAll(/\s*\n\s*/g, " ")
}

/**
 * PGlite whose texts come back as they are stored. Used by `Pglite.ts`.
 *
 * PGlite decodes what it answers with a `TextDecoder` that takes a byte order mark (U+FEFF) at the beginning of a text for none of it, so
 * that the id "\uFEFFmug" would come back as "mug", which is another one. Its parsers are given the text without the mark. But
 * `execProtocol` answers with the bytes too, and there the mark is.
 */
import { type ExecProtocolOptions, type messages, PGlite } from "@electric-sql/pglite"

/** The mark in UTF-8. */
const mark = Buffer.from("\uFEFF")

/** The protocol's messages by their first byte: what asks for rows, and a row. */
const [execute, query, dataRow] = [..."EQD"].map((code) => code.charCodeAt(0))

/** A message's first byte is its kind, the next four its length, which counts itself. */
const headLength = 5

/** Puts the marks back that rows have lost. `answer` is what the rows were decoded from. */
const putBack = (answer: Buffer, rows: ReadonlyArray<messages.DataRowMessage>): void => {
  let nth = 0
  for (let at = 0; at < answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    if (answer[at] !== dataRow) continue
    const { fields } = rows[nth++]!
    let place = at + headLength + 2
    for (let i = 0; i < fields.length; i++) {
      // -1 is null.
      const length = Math.max(answer.readInt32BE(place), 0)
      const text = answer.subarray(place + 4, place + 4 + length)
      if (text.subarray(0, mark.length).equals(mark)) fields[i] = `\uFEFF${fields[i]}`
      place += 4 + length
    }
  }
}

export class ExactPglite extends PGlite {
  /** All that is executed comes through here. */
  override async execProtocolStream(message: Uint8Array, options: ExecProtocolOptions = {}) {
    if (message[0] !== execute && message[0] !== query) return super.execProtocolStream(message, options)
    const { messages, data } = await this.execProtocol(message, options)
    const answer = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    // Hardly any answer has one, and to look for it costs little.
    if (answer.includes(mark)) {
      putBack(
        answer,
        messages.filter((one): one is messages.DataRowMessage => one.name === "dataRow")
      )
    }
    return messages
  }
}

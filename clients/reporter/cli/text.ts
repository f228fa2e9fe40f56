import type { Readable } from 'node:stream'

const DECLARED = /^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/
const DECLARATION_BYTES = 256
const UTF8 = 'utf-8'

function byteOrder(start: Buffer): string | undefined {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  return start[0] === 0xfe && start[1] === 0xff ? 'utf-16be' : undefined
}

function decoderFor(start: Buffer): TextDecoder {
  const declared = DECLARED.exec(start.toString('latin1', 0, DECLARATION_BYTES))?.[1]
  try {
    return new TextDecoder(byteOrder(start) ?? declared ?? UTF8)
  } catch {
    return new TextDecoder(UTF8)
  }
}

/**
 * The text of a stream, piece by piece: in UTF-8 unless a byte order mark or an XML declaration says otherwise (tools on
 * Korean Windows write EUC-KR).
 */
export async function* textPieces(stream: Readable): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  for await (const piece of stream as AsyncIterable<Buffer>) {
    decoder ??= decoderFor(piece)
    yield decoder.decode(piece, { stream: true })
  }
  if (decoder !== undefined) yield decoder.decode()
}

/** The whole text. @throws RangeError when it has more than `max` characters */
export async function wholeText(pieces: AsyncIterable<string>, max: number): Promise<string> {
  const parts: string[] = []
  let length = 0
  for await (const piece of pieces) {
    length += piece.length
    if (length > max) throw new RangeError(`it has more than ${max} characters, too many for one document`)
    parts.push(piece)
  }
  return parts.join('')
}

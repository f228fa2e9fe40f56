const MISSPELT = { t: 'true', f: 'false', n: 'null' } as const
const NUMBER = /-?\d[\d.eE+-]*/y
/** White space of JSON, which is less than that of JavaScript. */
const SPACE = ' \t\n\r'
const TEXT = '"'
const [QUOTE, ESCAPE] = [0x22, 0x5c]
const ESCAPED = '"\\/bfnrtu'
/** To look for a fault takes many times as long as to find out that there is one: farther it is not looked for. */
const LOOKED_AT_MAX = 16_384

/** The place after the text that begins at `from`, or, below zero, that of what must not follow a backslash. */
function afterText(json: string, from: number): number {
  let at = from + 1
  for (let code = json.charCodeAt(at); at < json.length && code !== QUOTE; code = json.charCodeAt(at)) {
    if (code === ESCAPE && !ESCAPED.includes(json[at + 1] ?? '')) return -(at + 1)
    at += code === ESCAPE ? 2 : 1
  }
  return at + 1
}

/** Where a value is missing or misspelt in a text that is good JSON before it. */
function badValue(json: string): number {
  let before = ''
  for (let at = 0; at < json.length;) {
    const character = json[at] as string
    if (SPACE.includes(character)) {
      at++
      continue
    }
    if ('[{'.includes(character)) at++
    else if (']},:'.includes(character)) {
      const isMissing = ['', ',', ':'].includes(before) || (before === '[' && character !== ']')
      if (isMissing) return at
      at++
    } else if (character === TEXT) {
      at = afterText(json, at)
      if (at < 0) return -at
    } else if (character in MISSPELT) {
      for (const letter of MISSPELT[character as keyof typeof MISSPELT]) if (json[at++] !== letter) return at - 1
    } else {
      NUMBER.lastIndex = at
      if (!NUMBER.test(json)) return at
      at = NUMBER.lastIndex
    }
    before = character
  }
  return json.length
}

/**
 * Why a text is no JSON, with the place of the fault in UTF-16 units from 0, which JSON.parse says of most faults only.
 * @param message what it said
 */
export function jsonRefusal(json: string, message: string): string {
  // At its end: what comes before may be a piece of the text.
  if (/ at position \d+ \(line \d+ column \d+\)$/.test(message)) return `is not JSON: ${message.toWellFormed()}`
  const place = badValue(json.slice(0, LOOKED_AT_MAX))
  const isFound = place < LOOKED_AT_MAX || json.length <= LOOKED_AT_MAX
  return `is not JSON: ${message.toWellFormed()} (${isFound ? 'at' : 'after'} position ${Math.min(place, LOOKED_AT_MAX)})`
}

/** Why bytes are no text, with the place of the fault in bytes from 0. @param bytes of which isUtf8 has said so */
export function utf8Refusal(bytes: Buffer): string {
  const readable = Buffer.from(bytes.toString())
  let at = 0
  while (bytes[at] === readable[at]) at++
  return `is not valid UTF-8 (at byte ${at})`
}

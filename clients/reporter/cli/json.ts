/** What is wrong in JSON, and in which line of it, from 1. */
export interface JsonFault {
  line: number
  message: string
}

function faultOf(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Whether it could become JSON if more came. */
function isGoodSoFar(text: string): boolean {
  const fault = faultOf(text)
  if (fault === undefined || fault.startsWith('Unexpected end')) return true
  const [, position] = /at position (\d+)/.exec(fault) ?? []
  return position !== undefined && Number(position) >= text.trimEnd().length
}

/**
 * The value of a JSON text, or what is wrong with it. The engine's own message often names no position: the line is found by
 * halving, for no token of JSON goes over the end of a line.
 */
export function parseJson(text: string): { value: unknown } | { fault: JsonFault } {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (error) {
    const lines = text.split('\n')
    let good = 0
    let bad = lines.length
    while (bad - good > 1) {
      const middle = (good + bad) >> 1
      if (isGoodSoFar(lines.slice(0, middle).join('\n'))) good = middle
      else bad = middle
    }
    // The text is quoted in the message, and may be long and of many lines.
    const message = (error as Error).message.replace(/, (\.\.\.)?".*$/s, '').replace(/ in JSON at position.*$/s, '')
    const hint = text.trimStart().startsWith('<') ? ' (JUnit XML is read with --format junit)' : ''
    return { fault: { line: bad, message: `not JSON: ${message}${hint}` } }
  }
}

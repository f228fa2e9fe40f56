import { ConvertError } from './report-of.ts'

export interface XmlHandlers {
  open(name: string, attributes: ReadonlyMap<string, string>): void
  text(text: string): void
  close(name: string): void
}

/** Elements within elements. */
const MAX_DEPTH = 64
/** Of one tag with its attributes, in UTF-16 units. */
const MAX_TAG = 1_048_576
const MAX_ATTRIBUTES = 256
/** Of `&...;`: the longest that means anything is `&#x10FFFF;`. */
const MAX_REFERENCE = 12

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])
const NAME = '[A-Za-z_:\\u0080-\\uffff][\\w:.\\-\\u0080-\\uffff]*'
const TAG_NAME = new RegExp(`^${NAME}`)
const ATTRIBUTE = new RegExp(`\\s+(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'y')
const CLOSING = new RegExp(`^(${NAME})\\s*$`)
const REPLACEMENT = '\ufffd'
/** XML has no place for these, not even as references, and yet tools write the colours of a terminal so. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g

/** Things that are skipped or taken as they are, by how they begin and end. */
const SECTIONS = [
  { begin: '<!--', end: '-->', isText: false },
  { begin: '<![CDATA[', end: ']]>', isText: true },
  { begin: '<?', end: '?>', isText: false },
] as const
type Section = (typeof SECTIONS)[number]

function characterOf(reference: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([\da-f]{1,8})|(\d{1,10}))$/i.exec(reference) ?? []
  if (hex === undefined && decimal === undefined) return ENTITIES.get(reference)
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
  const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
  return isCharacter ? String.fromCodePoint(code).replace(CONTROLS, REPLACEMENT) : REPLACEMENT
}

/** Where the tag ends that begins at `from`; a `>` in quotes is none. -1 when it is not there yet. */
function tagEnd(text: string, from: number): number {
  let quote = 0
  for (let index = from; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (quote !== 0) {
      if (unit === quote) quote = 0
    } else if (unit === 0x22 || unit === 0x27) quote = unit
    else if (unit === 0x3e) return index
  }
  return -1
}

/**
 * Reads XML 1.0 piece by piece, in memory that does not grow with it. It refuses a DOCTYPE, and so knows no entities but the
 * five of the standard: nothing is expanded and nothing fetched. Depth, tags and attributes are bounded.
 * @throws ConvertError with the line of what is wrong
 */
export function createXmlReader(handlers: XmlHandlers) {
  const names: string[] = []
  let rest = ''
  let line = 1
  let section: Section | undefined
  let hasRoot = false

  const fail = (message: string, linesOn = 0): never => {
    throw new ConvertError(`not XML: ${message}`, line + linesOn)
  }

  function take(count: number): string {
    const taken = rest.slice(0, count)
    rest = rest.slice(count)
    for (let at = taken.indexOf('\n'); at !== -1; at = taken.indexOf('\n', at + 1)) line++
    return taken
  }

  const decoded = (text: string): string =>
    text.includes('&')
      ? text.replace(/&([^;&]{0,11})(;?)/g, (_, reference: string, end: string, at: number) => {
          const character = end === '' ? undefined : characterOf(reference)
          return character ?? fail(`&${reference}${end} is no reference`, text.slice(0, at).split('\n').length - 1)
        })
      : text

  function emit(text: string): void {
    if (text === '') return
    if (names.length > 0) handlers.text(text.replace(CONTROLS, REPLACEMENT))
    else if (/[^\s\ufeff]/.test(text)) fail('there is text outside of the root element')
  }

  /** False when the end of the section is not there yet. */
  function readSection({ end, isText }: Section): boolean {
    const at = rest.indexOf(end)
    // The end itself may be cut by the end of the piece.
    const text = take(at === -1 ? Math.max(0, rest.length - end.length + 1) : at)
    if (isText) emit(text)
    if (at === -1) return false
    take(end.length)
    section = undefined
    return true
  }

  function attributesOf(tag: string, from: number): Map<string, string> {
    const attributes = new Map<string, string>()
    ATTRIBUTE.lastIndex = from
    let end = from
    for (let found = ATTRIBUTE.exec(tag); found !== null; found = ATTRIBUTE.exec(tag)) {
      const [, name, double, single] = found
      end = ATTRIBUTE.lastIndex
      if (attributes.has(name as string)) fail(`the attribute ${name} is there twice`)
      if (attributes.size >= MAX_ATTRIBUTES) fail(`more than ${MAX_ATTRIBUTES} attributes`)
      const value = (double ?? single ?? '').replace(/\r\n?|[\n\t]/g, ' ').replace(CONTROLS, REPLACEMENT)
      attributes.set(name as string, decoded(value))
    }
    if (tag.slice(end).trim() !== '') fail('an attribute that is not name="value"')
    return attributes
  }

  function readTag(tag: string): void {
    if (tag.startsWith('!')) fail('a DOCTYPE or another declaration is not taken')
    if (tag.startsWith('/')) {
      const [, name] = CLOSING.exec(tag.slice(1)) ?? []
      if (name === undefined || names.pop() !== name) fail(`</${tag.slice(1, 60)}> closes nothing that is open`)
      handlers.close(name as string)
      return
    }
    const isEmpty = tag.endsWith('/')
    const inner = isEmpty ? tag.slice(0, -1) : tag
    const name = TAG_NAME.exec(inner)?.[0] ?? fail('a tag without a name')
    if (names.length === 0 && hasRoot) fail('a second root element')
    if (names.length >= MAX_DEPTH) fail(`elements are nested deeper than ${MAX_DEPTH}`)
    hasRoot = true
    const attributes = attributesOf(inner, name.length)
    names.push(name)
    handlers.open(name, attributes)
    if (isEmpty) handlers.close(names.pop() as string)
  }

  function readText(isLast: boolean): boolean {
    const next = rest.indexOf('<')
    let end = next === -1 ? rest.length : next
    if (next === -1 && !isLast) {
      const reference = rest.lastIndexOf('&')
      // It may go on in the next piece.
      const isOpen = reference !== -1 && !rest.includes(';', reference) && rest.length - reference <= MAX_REFERENCE
      if (isOpen) end = reference
    }
    if (end === 0) return false
    const text = rest.slice(0, end)
    emit(decoded(text))
    take(end)
    return true
  }

  /** False when more text is needed. */
  function readMarkup(): boolean {
    section = SECTIONS.find(({ begin }) => rest.startsWith(begin))
    if (section !== undefined) {
      take(section.begin.length)
      return true
    }
    // What may become one of these when the next piece comes.
    if (SECTIONS.some(({ begin }) => begin.startsWith(rest))) return false
    const end = tagEnd(rest, 1)
    if (end === -1 ? rest.length > MAX_TAG : end > MAX_TAG) fail(`a tag is longer than ${MAX_TAG} characters`)
    if (end === -1) return false
    readTag(rest.slice(1, end))
    take(end + 1)
    return true
  }

  function read(isLast: boolean): void {
    while (rest !== '') {
      if (section !== undefined) {
        if (!readSection(section)) return
      } else if (rest.startsWith('<') ? !readMarkup() : !readText(isLast)) return
    }
  }

  return {
    write(piece: string): void {
      rest += piece
      read(false)
    },
    end(): void {
      read(true)
      if (section !== undefined || rest !== '') fail('it ends in the middle of something')
      if (names.length > 0) fail(`it ends before <${names.at(-1)}> does`)
      if (!hasRoot) fail('there is no root element')
    },
    line: (): number => line,
  }
}

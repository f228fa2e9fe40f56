import fc from 'fast-check'
import t from 'tap'
import { createXmlReader } from './xml.ts'

interface Node {
  name: string
  attributes: Record<string, string>
  content: (Node | string)[]
}

/** The tree of a text that comes in pieces of so many characters. */
function treeOf(text: string, size = Infinity): Node {
  const top: Node = { name: '', attributes: {}, content: [] }
  const path = [top]
  const reader = createXmlReader({
    open(name, attributes) {
      const node: Node = { name, attributes: Object.fromEntries(attributes), content: [] }
      path.at(-1)?.content.push(node)
      path.push(node)
    },
    text(more) {
      const { content } = path.at(-1) as Node
      const last = content.at(-1)
      if (typeof last === 'string') content[content.length - 1] = last + more
      else content.push(more)
    },
    close: () => void path.pop(),
  })
  for (let at = 0; at < text.length; at += size) reader.write(text.slice(at, at + size))
  reader.end()
  return top.content[0] as Node
}

const fault = (text: string, size?: number): string => {
  try {
    treeOf(text, size)
    return 'none'
  } catch (error) {
    const { message, line } = error as { message: string; line?: number }
    return `${line}: ${message}`
  }
}

t.test('elements, attributes, text, references, CDATA and comments are read', async (t) => {
  const text = `\ufeff<?xml version="1.0"?>
<!-- a > b -->
<a one="1 &lt; 2" two='"&#xAC00;&#128522;' >
  t &amp; <b/><![CDATA[<raw> &amp; ]] > ]]]>
</a>
<!-- end -->`
  t.same(treeOf(text), {
    name: 'a',
    attributes: { one: '1 < 2', two: '"가😊' },
    content: ['\n  t & ', { name: 'b', attributes: {}, content: [] }, '<raw> &amp; ]] > ]\n'],
  })
})

t.test('what is no XML is refused with its line', async (t) => {
  t.equal(fault(''), '1: not XML: there is no root element')
  t.equal(fault('<a>\n<b>\n</a>'), '3: not XML: </a> closes nothing that is open')
  t.equal(fault('<a>\n\n'), '3: not XML: it ends before <a> does')
  t.equal(fault('<a/>\n<b/>'), '2: not XML: a second root element')
  t.match(fault('hello'), /outside of the root/)
  t.match(fault('<a x=1/>'), /not name="value"/)
  t.match(fault('<a x="1"y="2"/>'), /not name="value"/)
  t.match(fault('<a x="1" x="2"/>'), /x is there twice/)
  t.match(fault('<a x="<"/>'), /not name="value"/)
  t.match(fault('<a>\n&nbsp;</a>'), '2: not XML: &nbsp; is no reference')
  t.match(fault('<a>& b</a>'), /is no reference/)
  t.match(fault('<a>&amp'), /no reference|ends/)
  t.match(fault('<1/>'), /without a name/)
  t.match(fault('<a><!-- x'), /in the middle/)
  t.match(fault('<a'), /in the middle/)
  t.match(fault('{"runs":[]}'), /outside of the root/)
})

t.test('nothing is expanded, fetched or grown without bound', async (t) => {
  const bomb = `<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>
<a>&lol2;</a>`
  t.match(fault(bomb), '2: not XML: a DOCTYPE or another declaration is not taken')
  t.match(fault('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'), /DOCTYPE/)
  t.match(fault('<a>'.repeat(100_000)), /deeper than 64/)
  t.match(fault(`<a ${'x'.repeat(1_048_580)}`, 65_536), /longer than/)
  t.match(fault(`<a ${Array.from({ length: 300 }, (_, n) => `x${n}="" `).join('')}/>`), /more than 256 attributes/)
})

t.test('references and raw characters that no Unicode text can have become a replacement', async (t) => {
  t.same(treeOf('<a b="&#x1b;[31m">&#xD800;&#0;&#x110000;\u0007&#10;</a>'), {
    name: 'a',
    attributes: { b: '\ufffd[31m' },
    content: ['\ufffd\ufffd\ufffd\ufffd\n'],
  })
  const named = treeOf('<a __proto__="x" constructor="y"><__proto__/></a>')
  t.same(named.content, [{ name: '__proto__', attributes: {}, content: [] }])
})

const name = fc.stringMatching(/^[A-Za-z_가][\w가.-]{0,8}$/)
const words = fc.string({
  unit: fc.constantFrom('a', ' ', '<', '>', '&', '"', "'", ']', '가', '👩‍👧', '\n', ';', '#', '-'),
})
const escaped = (text: string) => text.replace(/[<>&"'\n]/g, (character) => `&#${character.codePointAt(0)};`)
const node = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record({
    name,
    attributes: fc.dictionary(name, words, { maxKeys: 3 }),
    content: fc.array(fc.oneof({ depthSize: 'small' }, words, tie('node')), { maxLength: 4 }),
  }),
})).node

/** As XML, with texts written in one of three ways. */
function write({ name, attributes, content }: Node, way: number): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`)
  const inner = content.map((each) => {
    if (typeof each !== 'string') return write(each, way + 1)
    return way % 3 === 0 && !each.includes(']]>') ? `<![CDATA[${each}]]><!-- ${way} -->` : escaped(each)
  })
  return inner.length === 0 && way % 2 === 0
    ? `<${name}${pairs.join('')}/>`
    : `<${name}${pairs.join('')}>${inner.join('')}</${name}>`
}

/** Neighbouring texts are one, and empty ones none. */
function merged({ name, attributes, content }: Node): Node {
  const list: (Node | string)[] = []
  for (const each of content) {
    const last = list.at(-1)
    if (typeof each !== 'string') list.push(merged(each))
    else if (typeof last === 'string') list[list.length - 1] = last + each
    else if (each !== '') list.push(each)
  }
  return { name, attributes: { ...attributes }, content: list }
}

t.test('any tree is read back as it was written, in pieces of any size', async (t) => {
  fc.assert(
    fc.property(node, fc.integer({ min: 1, max: 9 }), fc.nat(2), (tree, size, way) => {
      const text = write(tree, way)
      const expected = JSON.stringify(merged(tree))
      t.equal(JSON.stringify(treeOf(text, size)), expected)
      return JSON.stringify(treeOf(text)) === expected
    }),
  )
})

t.test('any text at all is read or refused, alike in one piece and in many', async () => {
  const soup = fc
    .array(
      fc.constantFrom(
        '<a>',
        '</a>',
        '<a',
        '/>',
        '>',
        '<!--',
        '-->',
        '<![CDATA[',
        ']]>',
        '&amp;',
        '&',
        ' x="',
        '"',
        '<?',
        '?>',
        '\n',
      ),
    )
    .map((parts) => parts.join(''))
  const isWhole = (text: string, size?: number) => fault(text, size) === 'none'
  fc.assert(
    fc.property(soup, fc.integer({ min: 1, max: 5 }), (text, size) => isWhole(text) === isWhole(text, size)),
    { numRuns: 1000 },
  )
})

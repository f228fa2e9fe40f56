import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createKeyring } from '#shared/keyring.ts'
import { asTenant } from '#shared/scope.ts'
import { createLineSigner, unsigned } from './signature.ts'

const [TENANT, OTHER] = [asTenant('a'), asTenant('b')]
const keyNamed = (id: string) => ({ id, key: randomBytes(32) })
const [first, second] = [keyNamed('k1'), keyNamed('k-2.x')]
const LINE = '{"id":"report-1-abcdefghi","report":{"raw":"한글 ,\\"mac\\":\\"x\\""}}'

t.test('a line is known again, for its tenant, while its key is there', (t) => {
  const signer = createLineSigner(createKeyring([first]))
  const line = signer.signed(TENANT, LINE)
  t.match(JSON.parse(line), { ...(JSON.parse(LINE) as object), mac: /^k1:[\da-f]{64}$/ })
  t.equal(signer.signed(TENANT, LINE), line, 'the same text each time')
  t.equal(signer.contentOf(TENANT, line), LINE)
  t.equal(signer.contentOf(OTHER, line), undefined)
  const rotated = createLineSigner(createKeyring([second, first]))
  t.equal(rotated.contentOf(TENANT, line), LINE)
  t.equal(rotated.contentOf(TENANT, rotated.signed(TENANT, LINE)), LINE)
  t.equal(createLineSigner(createKeyring([second])).contentOf(TENANT, line), undefined)
  t.equal(createLineSigner(createKeyring([keyNamed('k1')])).contentOf(TENANT, line), undefined)
  t.end()
})

t.test('a line of which any character changed is none of ours', (t) => {
  const signer = createLineSigner(createKeyring([first]))
  const line = signer.signed(TENANT, LINE)
  for (let at = 0; at < line.length; at++) {
    const other = line[at] === 'x' ? 'y' : 'x'
    t.equal(signer.contentOf(TENANT, line.slice(0, at) + other + line.slice(at + 1)), undefined)
  }
  for (const bad of ['', '}', LINE, `${line} `, `${line}}`, line.slice(0, -1)]) {
    t.equal(signer.contentOf(TENANT, bad), undefined, bad)
  }
  t.end()
})

t.test('a signature is taken off a line that has one', (t) => {
  const signer = createLineSigner(createKeyring([first]))
  t.equal(unsigned(signer.signed(TENANT, LINE)), LINE)
  for (const line of [LINE, '', 'x', '{"mac":"k1:0"}']) t.equal(unsigned(line), line)
  t.end()
})

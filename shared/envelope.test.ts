import fc from 'fast-check'
import { createSecretKey, randomBytes } from 'node:crypto'
import t from 'tap'
import { headerOf, keyIdOf, openWith, rewrap, SealRefused, sealWith, type Aad } from './envelope.ts'

const key = createSecretKey(randomBytes(32))
const other = createSecretKey(randomBytes(32))
const AAD: Aad = { table: 'notes', column: 'text_sealed', row: '1', owner: 'kim' }

const seal = (plain: Buffer, aad = AAD) => sealWith(key, 'k1', plain, aad)
const open = (sealed: Buffer, aad = AAD) => openWith(key, 'k1', sealed, aad)

const text = fc.string({ unit: 'binary', maxLength: 20 })
const aads = fc.record({ table: text, column: text, row: text, owner: text })
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))

t.test('whatever is sealed opens again at its place, also an empty value', (t) => {
  fc.assert(fc.property(bytes, aads, (plain, aad) => open(seal(plain, aad), aad).equals(plain)))
  t.end()
})

t.test('the same value sealed twice has nothing in common but the header', (t) => {
  const [one, two] = [seal(Buffer.alloc(64)), seal(Buffer.alloc(64))]
  const header = headerOf('k1')
  t.ok(one.subarray(0, header.length).equals(two.subarray(0, header.length)))
  t.notOk(one.subarray(header.length).equals(two.subarray(header.length)))
  const parts = (sealed: Buffer) => [4, 16, 64, 76].map((start) => sealed.toString('hex', start, start + 12))
  t.equal(new Set([...parts(one), ...parts(two)]).size, 8, 'neither IVs nor keys repeat')
  t.end()
})

t.test('a value opens at no other place', (t) => {
  fc.assert(
    fc.property(aads, aads, (here, there) => {
      fc.pre(JSON.stringify(here) !== JSON.stringify(there))
      t.throws(() => open(seal(Buffer.from('secret'), here), there), SealRefused)
    }),
  )
  for (const moved of [{ table: 'x' }, { column: 'x' }, { row: '2' }, { owner: 'lee' }]) {
    t.throws(() => open(seal(Buffer.from('secret')), { ...AAD, ...moved }), SealRefused, JSON.stringify(moved))
  }
  t.end()
})

t.test('text that moves from one part of the place to the next makes another place', (t) => {
  const sealed = seal(Buffer.from('secret'), { ...AAD, row: 'ab', owner: 'c' })
  t.throws(() => open(sealed, { ...AAD, row: 'a', owner: 'bc' }), SealRefused)
  const quoted = seal(Buffer.from('secret'), { ...AAD, row: '1","kim', owner: '' })
  t.throws(() => open(quoted, { ...AAD, row: '1', owner: 'kim' }), SealRefused)
  t.end()
})

t.test('neither one flipped bit nor a cut or longer value opens', (t) => {
  const sealed = seal(Buffer.from('one secret'))
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    t.throws(() => openWith(key, keyIdOf(flipped) === 'k1' ? 'k1' : 'k2', flipped, AAD), SealRefused, `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    t.throws(() => open(sealed.subarray(0, length)), SealRefused, `${length} bytes`)
  }
  t.throws(() => open(Buffer.concat([sealed, Buffer.from([0])])), SealRefused)
  t.end()
})

t.test('a tag of four bytes, which AES-GCM itself would take, is refused', (t) => {
  const sealed = seal(Buffer.alloc(0))
  t.throws(() => open(sealed.subarray(0, sealed.length - 12)), SealRefused)
  t.end()
})

t.test('the layers of one value do not fit another', (t) => {
  const [one, two] = [seal(Buffer.from('one')), seal(Buffer.from('two'))]
  const value = headerOf('k1').length + 60
  t.throws(() => open(Buffer.concat([one.subarray(0, value), two.subarray(value)])), SealRefused)
  t.end()
})

t.test('a value under another key opens with that key only, and its own encryption has not changed', (t) => {
  const sealed = seal(Buffer.from('secret'))
  const moved = rewrap({ key, id: 'k1' }, { key: other, id: 'second' }, sealed, AAD)
  t.equal(keyIdOf(moved), 'second')
  t.equal(openWith(other, 'second', moved, AAD).toString(), 'secret')
  t.throws(() => open(moved), SealRefused)
  t.throws(() => openWith(key, 'second', moved, AAD), SealRefused)
  t.ok(moved.subarray(-34).equals(sealed.subarray(-34)), 'IV, value and tag')
  t.throws(() => rewrap({ key, id: 'k1' }, { key: other, id: 'k2' }, sealed, { ...AAD, row: '2' }), SealRefused)
  t.throws(() => rewrap({ key: other, id: 'k1' }, { key, id: 'k2' }, sealed, AAD), SealRefused)
  t.end()
})

t.test('what is no sealed value has no key id', (t) => {
  const sealed = seal(Buffer.alloc(0))
  t.equal(keyIdOf(sealed), 'k1')
  t.equal(keyIdOf(Buffer.alloc(0)), undefined)
  t.equal(keyIdOf(Buffer.from([1])), undefined)
  t.equal(keyIdOf(sealed.subarray(0, -1)), undefined)
  t.equal(keyIdOf(Buffer.concat([Buffer.from([2]), sealed.subarray(1)])), undefined, 'another version')
  t.end()
})

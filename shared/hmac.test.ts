import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createHmacSha256, HMAC_INPUT_MAX } from './hmac.ts'

t.test('the MAC is that of createHmac for every key and text', async (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: 'binary' }), fc.string({ maxLength: 500 }), (secret, text) => {
      const expected = createHmac('sha256', secret).update(text, 'latin1').digest('base64url')
      return createHmacSha256(secret)(text) === expected
    }),
  )
  const longest = 'x'.repeat(HMAC_INPUT_MAX)
  t.equal(createHmacSha256('k')(longest), createHmac('sha256', 'k').update(longest).digest('base64url'))
  t.throws(() => createHmacSha256('k')(`${longest}x`), RangeError)
})

t.test('one MAC leaves nothing behind for the next', async (t) => {
  const mac = createHmacSha256('key')
  const first = mac('short')
  mac('a much longer text than the first one')
  t.equal(mac('short'), first)
})

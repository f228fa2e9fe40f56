import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { newKeyPair, thumbprint } from './ed25519.ts'

t.test('the id of a key is its thumbprint', async (t) => {
  const { publicJwk } = newKeyPair('EdDSA')
  t.equal(publicJwk.kid, await calculateJwkThumbprint(publicJwk, 'sha256'))
  // RFC 8037 appendix A.3
  t.equal(thumbprint('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

t.test('the halves of a pair belong together', async (t) => {
  const { publicJwk, privateJwk } = newKeyPair('EdDSA')
  const text = Buffer.from('나침반')
  const signature = sign(null, text, createPrivateKey({ key: privateJwk, format: 'jwk' }))
  t.ok(verify(null, text, createPublicKey({ key: publicJwk, format: 'jwk' }), signature))
  t.notOk('d' in publicJwk)
})

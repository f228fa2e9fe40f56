import t from 'tap'
import { credentialHeaders, CredentialsError } from './credentials.ts'

t.test('a key goes with its tenant, one that begins with njm_ alone', async (t) => {
  t.same(await credentialHeaders({ key: 'k', tenant: 'a' }), { 'x-tenant': 'a', 'x-api-key': 'k' })
  t.same(await credentialHeaders({ key: 'njm_1_2' }), { 'x-api-key': 'njm_1_2' })
  t.same(await credentialHeaders({ key: 'njm_1_2', tenant: '' }), { 'x-api-key': 'njm_1_2' })
  await t.rejects(credentialHeaders({ key: 'k' }), /needs a tenant/)
})

t.test('a function is asked each time', async (t) => {
  let count = 0
  const key = async () => `njm_${++count}`
  t.same(await credentialHeaders({ key }), { 'x-api-key': 'njm_1' })
  t.same(await credentialHeaders({ key: () => key() }), { 'x-api-key': 'njm_2' })
})

t.test('no error has the key in it, whatever is wrong', async (t) => {
  const secret = 'njm_secret'
  const sources = [
    `${secret}\n`,
    `${secret} 키`,
    '',
    undefined as unknown as string,
    () => Promise.reject(new Error(secret)),
    () => {
      throw new Error(secret)
    },
    () => ({ secret }) as unknown as string,
  ]
  for (const key of sources) {
    const error = await credentialHeaders({ key, tenant: 't' }).catch((reason: unknown) => reason)
    t.ok(error instanceof CredentialsError)
    t.notMatch(String((error as Error).stack), secret)
  }
  await t.rejects(credentialHeaders({ key: 'k', tenant: 'a\r\nx-evil: 1' }), /character that no tenant has/)
})

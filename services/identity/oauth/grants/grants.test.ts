import * as openid from 'openid-client'
import t from 'tap'
import { oauth, refusal } from '../test/oauth.ts'

const GRANTS = '/api/auth/grants'

interface Grants {
  grants: { id: string; client: { id: string; name: string }; scope: string }[]
}

t.test('a person sees what they allowed and withdraws it', async (t) => {
  const service = await oauth(t)
  const [person, other] = [await service.signedUp(), await service.signedUp()]
  const client = await service.register()
  const more = { scope: 'openid offline_access calendar:read', prompt: 'consent' }
  const { tokens, library, window } = await service.allowed(client, person, more)

  const seen = await service.call('GET', GRANTS, { as: person })
  t.equal(seen.status, 200, seen.text)
  t.match(seen.json(), {
    grants: [
      {
        client: { id: client.id, name: '달력 앱', first_party: false },
        scope: 'openid offline_access calendar:read',
        created_at: /Z$/,
        expires_at: /Z$/,
      },
    ],
  })
  const [{ id }] = seen.json<Grants>().grants as [Grants['grants'][number]]
  t.same((await service.call('GET', GRANTS, { as: other })).json(), { grants: [] })
  t.equal((await service.call('DELETE', `${GRANTS}/${id}`, { as: other })).status, 404)
  t.ok(await service.verifyToken(tokens.access_token))

  t.equal((await service.call('DELETE', `${GRANTS}/${id}`, { as: person })).status, 204)
  t.equal((await service.call('DELETE', `${GRANTS}/${id}`, { as: person })).status, 404)
  t.equal(await service.verifyToken(tokens.access_token), undefined)
  await t.rejects(openid.refreshTokenGrant(library, tokens.refresh_token as string), refusal('invalid_grant'))
  t.ok(service.revoked().includes(`grant:${id}`), 'gateways forget it')
  const again = await window.open((await service.authorization(library)).url)
  t.match(again.title, /Allow/, 'who is still signed in is asked again')
})

t.test('an application cannot withdraw or read for a person without the scope', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const token = { ...person, credential: 'token:x', scope: 'calendar:read' }
  t.equal((await service.call('GET', GRANTS, { as: token })).status, 403)
  t.equal((await service.call('DELETE', `${GRANTS}/x`, { as: { ...token, scope: 'account' } })).status, 403)
})

import t from 'tap'
import { addEvent, calendar, type Refusal } from '../test/client.ts'

interface Tag {
  id: string
  name: string
}

async function tagged(test: Parameters<typeof calendar>[0]) {
  const service = await calendar(test)
  const event = await addEvent(service)
  const tags = (await service.call('GET', '/tags')).json<Tag[]>()
  const idOf = (name: string) => tags.find((tag) => tag.name === name)?.id as string
  const path = `/events/${event.id}/tags`
  const names = async () => (await service.call('GET', path)).json<Tag[]>().map((tag) => tag.name)
  const set = (tagIds: unknown, headers: Record<string, string> = {}) =>
    service.call('POST', path, { body: { tagIds }, headers })
  return { ...service, event, idOf, path, names, set, tags }
}

t.test('the tags of an event are replaced all at once, and come by name', async (t) => {
  const { call, idOf, names, set, path, tags } = await tagged(t)
  t.same(await names(), [])
  const answer = await set([idOf('중요'), idOf('가족'), idOf('중요')])
  t.equal(answer.status, 200)
  t.same(answer.json(), [tags[0], tags[4]])
  t.same(await names(), ['가족', '중요'])
  await set([idOf('업무')])
  t.same(await names(), ['업무'])
  t.same((await set([])).json(), [])
  t.same(await names(), [])
  t.same((await call('GET', `/tags${path}`)).json(), [], 'below tags it is the same')
  t.equal((await call('POST', `/tags${path}`, { body: { tagIds: [idOf('업무')] } })).status, 200)
  t.same(await names(), ['업무'])
})

t.test('the refusal of many unknown tags is short', async (t) => {
  const { set } = await tagged(t)
  const many = await set(Array.from({ length: 900 }, (_, i) => `tag-${i}-${'x'.repeat(200)}`))
  t.equal(many.status, 400)
  t.match(many.json<Refusal>().message, /tag-9-.*, \.\.\.$/)
  t.notMatch(many.json<Refusal>().message, 'tag-10-')
  t.equal((await set(['x'.repeat(256)])).status, 400)
})

t.test('an unknown tag is refused by its id and changes nothing', async (t) => {
  const { call, idOf, names, set } = await tagged(t)
  await set([idOf('업무')])
  const theirs = (await call('GET', '/tags', { headers: { 'x-user-id': 'you' } })).json<Tag[]>()[0]?.id as string
  for (const bad of ['nope', theirs]) {
    const answer = await set([idOf('가족'), bad])
    t.equal(answer.status, 400)
    t.equal(answer.json<Refusal>().errors[0]?.field, 'tagIds')
    t.match(answer.json<Refusal>().message, bad)
  }
  for (const bad of [undefined, 'x', [1], [null]]) t.equal((await set(bad)).status, 400)
  t.same(await names(), ['업무'])
})

t.test('one tag is taken off an event once', async (t) => {
  const { call, idOf, names, set, path } = await tagged(t)
  await set([idOf('업무'), idOf('가족')])
  t.equal((await call('DELETE', `${path}/${idOf('업무')}`)).status, 204)
  t.equal((await call('DELETE', `${path}/${idOf('업무')}`)).status, 404)
  t.equal((await call('DELETE', `${path}/nope`)).status, 404)
  t.same(await names(), ['가족'])
})

t.test('tags leave with the tag, and with the event', async (t) => {
  const { call, idOf, names, set, event, database } = await tagged(t)
  await set([idOf('업무'), idOf('가족')])
  await call('DELETE', `/tags/${idOf('업무')}`)
  t.same(await names(), ['가족'])
  await call('DELETE', `/events/${event.id}`)
  t.same(database?.prepare('SELECT * FROM event_tags').all(), [])
})

t.test("an event that is not there, or another user's, has no tags to read or change", async (t) => {
  const { call, idOf, path } = await tagged(t)
  const headers = { 'x-user-id': 'you' }
  const body = { tagIds: [] }
  const answers = [
    await call('GET', path, { headers }),
    await call('POST', path, { headers, body }),
    await call('DELETE', `${path}/${idOf('업무')}`, { headers }),
    await call('GET', '/events/nope/tags'),
    await call('POST', '/tags/events/nope/tags', { body }),
  ]
  for (const answer of answers) {
    t.equal(answer.status, 404)
    t.match(answer.json(), { message: 'Event not found' })
  }
})

t.test('If-Match is about the list of tags', async (t) => {
  const { call, idOf, set, path } = await tagged(t)
  const { etag = '' } = (await set([idOf('업무')])).headers
  t.equal((await call('GET', path, { headers: { 'if-none-match': etag } })).status, 304)
  t.equal((await set([idOf('가족')], { 'if-match': etag })).status, 200)
  t.equal((await set([], { 'if-match': etag })).status, 412)
  t.equal((await call('DELETE', `${path}/${idOf('가족')}`, { headers: { 'if-match': etag } })).status, 412)
})

import t from 'tap'
import { Problem } from '#shared/problem.ts'
import { patiently } from './patience.ts'

const overloaded = () => new Problem('overloaded')

t.test('while the writer has too much to do it waits; whatever else happens is passed on', async (t) => {
  let tries = 0
  const { signal } = new AbortController()
  const third = async () => {
    if (++tries < 3) throw overloaded()
    return 'done'
  }
  t.equal(await patiently(third, signal), 'done')
  t.equal(tries, 3)
  const conflict = new Problem('conflict', { detail: 'no' })
  await t.rejects(
    patiently(() => Promise.reject(conflict), signal),
    { message: 'no' },
  )
  const stopping = new AbortController()
  const waiting = patiently(() => Promise.reject(overloaded()), stopping.signal)
  stopping.abort()
  await t.rejects(waiting, { name: 'AbortError' })
})

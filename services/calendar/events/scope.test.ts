import t from 'tap'
import { asOwner, asTenant } from '#shared/scope.ts'
import { testService } from '#shared/test/service.ts'
import { calendarProcess } from '../app.ts'
import { createEventStore } from './store.ts'

t.test('a query without a proven owner does not compile', async (t) => {
  const { database } = await testService(t, calendarProcess)
  const store = createEventStore(database as NonNullable<typeof database>)
  t.equal(store.read(asOwner('anna'), 'none'), undefined)
  // The type check fails here as soon as one of these is allowed.
  // @ts-expect-error what somebody wrote is no owner
  t.equal(store.read('anna', 'none'), undefined)
  // @ts-expect-error a tenant is no owner
  t.equal(store.read(asTenant('anna'), 'none'), undefined)
  // @ts-expect-error without an owner
  t.equal(store.read('none'), undefined)
})

import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import type { Identity } from './identity.ts'
import { createRevoked } from './revoked.ts'

const identity = (more: Partial<Identity>): Identity => ({
  credential: 'session:s',
  tenant: asTenant('default'),
  roles: ['viewer'],
  scope: '',
  subjects: ['session:s', 'account:a'],
  expires: Infinity,
  basic: false,
  budget: 'user:a',
  checked: -1,
  ...more,
})

t.test('a revocation of an account ends what was issued until then, to the millisecond', async (t) => {
  const revoked = createRevoked(() => 0)
  revoked.add([{ subject: 'account:a', revoked: 1000, expires: 5000 }])
  t.equal(revoked.ends(identity({ issued: 999 })), true)
  t.equal(revoked.ends(identity({ issued: 1000 })), true)
  t.equal(revoked.ends(identity({ issued: 1001 })), false)
  t.equal(revoked.ends(identity({ issued: 1, subjects: ['account:b'] })), false)
  revoked.add([{ subject: 'account:a', revoked: 500, expires: 5000 }])
  t.equal(revoked.ends(identity({ issued: 1000 })), true, 'an older one takes nothing back')
})

t.test('a revocation of a session ends all of it', async (t) => {
  const revoked = createRevoked(() => 0)
  revoked.add([{ subject: 'session:s', revoked: 1000, expires: 5000 }])
  t.equal(revoked.ends(identity({ issued: 2000 })), true)
})

t.test('what identity was asked about ends by what came after the question', async (t) => {
  const revoked = createRevoked(() => 0)
  revoked.add([{ subject: 'account:a', revoked: 1000, expires: 5000 }])
  const asked = identity({ checked: revoked.change() })
  t.equal(revoked.ends(asked), false, 'identity knew of it')
  revoked.add([{ subject: 'account:b', revoked: 2000, expires: 5000 }])
  t.equal(revoked.ends(asked), false)
  t.equal(asked.checked, revoked.change(), 'it need not be compared again')
  revoked.add([{ subject: 'account:a', revoked: 3000, expires: 5000 }])
  t.equal(revoked.ends(asked), true)
  t.equal(revoked.ends(asked), true, 'it stays so')
})

t.test('what nothing alive can be meant by is forgotten', async (t) => {
  let now = 0
  const revoked = createRevoked(() => now)
  revoked.add([
    { subject: 'session:1', revoked: 0, expires: 10 },
    { subject: 'session:2', revoked: 0, expires: 20 },
  ])
  t.equal(revoked.size(), 2)
  now = 15
  revoked.add([{ subject: 'session:3', revoked: 15, expires: 30 }])
  t.equal(revoked.size(), 2)
  revoked.reset([{ subject: 'session:4', revoked: 15, expires: 40 }])
  t.equal(revoked.size(), 1)
})

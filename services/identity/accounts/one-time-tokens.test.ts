import t from 'tap'
import { identity } from '../test/identity.ts'
import { createOneTimeTokens } from './one-time-tokens.ts'

t.test('a token is good once, for its purpose only, and is not in the file', async (t) => {
  const { db, signedUp } = await identity(t)
  const tokens = createOneTimeTokens(db)
  const { user } = await signedUp()
  const token = tokens.issue({ purpose: 'a', account: user, ttl_s: 60, detail: { x: 1 } })
  t.match(token, /^[\w-]{43}$/)
  t.equal(tokens.take('b', token), undefined)
  t.same(tokens.peek('a', token), { account: user, detail: { x: 1 } })
  t.same(tokens.take('a', token), { account: user, detail: { x: 1 } })
  t.equal(tokens.take('a', token), undefined)
  const other = tokens.issue({ purpose: 'a', account: user, ttl_s: 60 })
  t.notMatch(JSON.stringify(db.prepare('SELECT *, CAST(hash AS TEXT) FROM one_time_tokens').all()), other)
})

t.test('a new token ends the older ones of its account and purpose, unless both may be', async (t) => {
  const { db, signedUp } = await identity(t)
  const tokens = createOneTimeTokens(db)
  const [{ user: a }, { user: b }] = [await signedUp(), await signedUp()]
  const first = tokens.issue({ purpose: 'a', account: a, ttl_s: 60 })
  const otherPurpose = tokens.issue({ purpose: 'b', account: a, ttl_s: 60 })
  const otherAccount = tokens.issue({ purpose: 'a', account: b, ttl_s: 60 })
  const second = tokens.issue({ purpose: 'a', account: a, ttl_s: 60 })
  const third = tokens.issue({ purpose: 'a', account: a, ttl_s: 60, beside_others: true })
  const nobodys = [tokens.issue({ purpose: 'c', ttl_s: 60 }), tokens.issue({ purpose: 'c', ttl_s: 60 })]
  t.equal(tokens.peek('a', first), undefined)
  for (const [purpose, token] of [
    ['b', otherPurpose],
    ['a', otherAccount],
    ['a', second],
    ['a', third],
  ] as const) {
    t.ok(tokens.peek(purpose, token))
  }
  for (const token of nobodys) t.same(tokens.peek('c', token), { account: undefined, detail: {} })
  tokens.revoke(a, 'a')
  t.equal(tokens.peek('a', second), undefined)
  t.ok(tokens.peek('b', otherPurpose))
})

t.test('a token that is too old is none, and is swept', async (t) => {
  const { db, signedUp } = await identity(t)
  const tokens = createOneTimeTokens(db)
  const { user } = await signedUp()
  const old = tokens.issue({ purpose: 'a', account: user, ttl_s: 0 })
  const young = tokens.issue({ purpose: 'b', account: user, ttl_s: 60 })
  t.equal(tokens.take('a', old), undefined)
  t.equal(tokens.sweep(), false)
  t.equal(db.prepare('SELECT count(*) FROM one_time_tokens').pluck().get(), 1)
  t.ok(tokens.take('b', young))
})

t.test('with the account its tokens go', async (t) => {
  const { db, signedUp, accounts } = await identity(t)
  const tokens = createOneTimeTokens(db)
  const { user } = await signedUp()
  const token = tokens.issue({ purpose: 'a', account: user, ttl_s: 60 })
  accounts.remove(user)
  t.equal(tokens.take('a', token), undefined)
})

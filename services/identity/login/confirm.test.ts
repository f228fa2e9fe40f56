import t from 'tap'
import { createWrites } from '#shared/writes.ts'
import type { Account } from '../accounts/store.ts'
import { identity } from '../test/identity.ts'
import { createPasswordCheck } from './check.ts'
import { createFailureStore } from './store.ts'
import { createThrottle } from './throttle.ts'

const HERE = '192.0.2.7'

t.test(
  'who is signed in proves the password again; a wrong one is 403 with the field, and makes one wait',
  async (t) => {
    const { db, config, accounts, passwords, signedUp } = await identity(t)
    const writes = createWrites(db, config)
    t.teardown(writes.stop)
    const throttle = createThrottle({ store: createFailureStore(db), writes, secret: Buffer.alloc(32), config })
    const { confirm } = createPasswordCheck({ accounts, passwords, throttle, writes })
    const person = await signedUp()
    const account = accounts.find(person.user) as Account
    /** What it throws; undefined when it does not. */
    const refused = (password: string): Promise<unknown> =>
      confirm(account, password, HERE, 'current_password').catch((error: unknown) => error)
    t.equal(await refused(person.password), undefined)
    for (let i = 0; i < 6; i++) {
      t.match(await refused('wrong'), {
        problem: 'forbidden',
        options: { errors: [{ in: 'body', field: 'current_password', message: 'current_password is wrong' }] },
      })
    }
    db.prepare('UPDATE login_failures SET next = next + 60000 WHERE next > 0').run()
    t.match(await refused(person.password), { problem: 'too-many-requests' })
  },
)

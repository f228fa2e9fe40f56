import type { Writes } from '#shared/writes.ts'
import type { OneTimeTokens } from '../accounts/one-time-tokens.ts'
import type { IdentityConfig } from '../config.ts'
import { SETUP, type SetupStore } from './store.ts'

export interface AnnounceParts {
  setup: SetupStore
  oneTimeTokens: OneTimeTokens
  writes: Pick<Writes, 'run'>
  config: Pick<IdentityConfig, 'PUBLIC_URL' | 'SETUP_TOKEN_TTL_H'>
}

const HOUR_S = 3600

const note = (url: string, token: string, hours: number): string => `
There is no administrator yet. Make the first one within ${hours} h (a restart prints a new token):

  curl ${url}/api/auth/setup -H 'content-type: application/json' \\
    -d '{"token":"${token}","email":"you@example.com","name":"Your name","password":"at least 8 characters"}'

`

/**
 * Prints the token of the first administrator while there is none: to the terminal of who started the system, once, and
 * never to the log. Only its hash is stored.
 */
export async function announceSetup({ setup, oneTimeTokens, writes, config }: AnnounceParts): Promise<void> {
  if (setup.hasAdmin()) return
  const { PUBLIC_URL: url, SETUP_TOKEN_TTL_H: hours } = config
  const token = await writes.run(() => {
    setup.forgetTokens()
    return oneTimeTokens.issue({ purpose: SETUP, ttl_s: hours * HOUR_S })
  })
  process.stdout.write(note(url, token, hours))
}

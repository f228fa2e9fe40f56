import type { Writes } from '#shared/writes.ts'
import type { OneTimeTokens } from '../accounts/one-time-tokens.ts'
import type { IdentityConfig } from '../config.ts'
import { SETUP, type SetupStore } from './store.ts'

export interface AnnounceParts {
  setup: SetupStore
  oneTimeTokens: OneTimeTokens
  writes: Pick<Writes, 'run'>
  config: Pick<IdentityConfig, 'PUBLIC_URL'> & NoteConfig
}

type NoteConfig = Pick<IdentityConfig, 'SETUP_TOKEN_TTL_H' | 'PASSWORD_MIN_LENGTH'>

const HOUR_S = 3600

/** The password in it is too short to be taken: nobody gets a published one by copying. */
const note = (url: string, token: string, { SETUP_TOKEN_TTL_H: hours, PASSWORD_MIN_LENGTH: length }: NoteConfig) => `
There is no administrator yet. Make the first one within ${hours} h (a restart prints a new token), with a password of at
least ${length} characters:

  curl ${url}/api/auth/setup -H 'content-type: application/json' \\
    -d '{"token":"${token}","email":"you@example.com","name":"Your name","password":"..."}'

`

/**
 * Prints the token of the first administrator while there is none: to the terminal of who started the system, once, and
 * never to the log. Only its hash is stored.
 */
export async function announceSetup({ setup, oneTimeTokens, writes, config }: AnnounceParts): Promise<void> {
  if (setup.hasAdmin()) return
  const token = await writes.run(() => {
    setup.forgetTokens()
    return oneTimeTokens.issue({ purpose: SETUP, ttl_s: config.SETUP_TOKEN_TTL_H * HOUR_S })
  })
  const text = note(config.PUBLIC_URL, token, config)
  // What started this process says it when everything runs, and not in the middle of a start that fails.
  if (process.send === undefined) process.stdout.write(text)
  else process.send({ announce: text })
}

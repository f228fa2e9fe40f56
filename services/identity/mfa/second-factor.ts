import type { Owner } from '#shared/scope.ts'
import type { Writes } from '#shared/writes.ts'
import type { PasskeyStore } from '../passkeys/store.ts'
import { hashAmong, newRecoveryCodes, recoveryCodeOf, recoveryHash } from './recovery-codes.ts'
import type { MfaStore } from './store.ts'
import { stepOf } from './totp.ts'

/** How the second step of a login can be passed; `passkey` means signing in by passkey instead. */
export type SecondFactorMethod = 'totp' | 'recovery' | 'passkey'

/** What a code turned out to be. */
export type TakenFactor = 'otp' | 'recovery'

export interface SecondFactorParts {
  store: MfaStore
  passkeys: Pick<PasskeyStore, 'count'>
  writes: Pick<Writes, 'run'>
  /** Key of the hashes of recovery codes. */
  pepper: Buffer
}

export type SecondFactor = ReturnType<typeof createSecondFactor>

/** The second step of a login by password. A passkey needs none: it is something that one has, opened by its user. */
export function createSecondFactor({ store, passkeys, writes, pepper }: SecondFactorParts) {
  /** @param last a code of this step or an earlier one is not good any more */
  function takeCode(account: Owner, code: string): boolean {
    const totp = store.totp(account)
    if (totp === undefined) return false
    const step = stepOf(totp.secret, code.replaceAll(/\s/g, ''), { now: Date.now(), last: totp.last_step })
    if (step !== undefined) store.takeStep(account, step)
    return step !== undefined
  }

  function takeRecoveryCode(account: Owner, text: string): boolean {
    const code = recoveryCodeOf(text)
    if (code === undefined) return false
    const hash = hashAmong(store.unusedCodes(account), recoveryHash(pepper, account, code))
    if (hash !== undefined) store.useCode(account, hash)
    return hash !== undefined
  }

  return {
    /** Empty when a password alone lets the account in: it asks for more as soon as TOTP is confirmed. */
    methodsOf(account: Owner): SecondFactorMethod[] {
      if (store.confirmedAt(account) === undefined) return []
      return [
        'totp',
        ...(store.countCodes(account) > 0 ? (['recovery'] as const) : []),
        ...(passkeys.count(account) > 0 ? (['passkey'] as const) : []),
      ]
    },
    /** Takes a code of an app, also one that is not confirmed yet: it is good once; inside a write. */
    takeCode,
    /** A new set of recovery codes in the clear, and the old one is void; inside a write. */
    renewCodes(account: Owner): string[] {
      const codes = newRecoveryCodes()
      const hashes = codes.map((code) => recoveryHash(pepper, account, recoveryCodeOf(code) as string))
      store.replaceCodes(account, hashes)
      return codes
    },
    /**
     * Takes a code of an app or a recovery code, once: when this resolves, its use is on disk.
     * @returns undefined for a code that is wrong or used, and for an account without TOTP
     */
    verify: (account: Owner, code: string): Promise<TakenFactor | undefined> =>
      writes.run(() => {
        if (store.confirmedAt(account) === undefined) return undefined
        if (takeCode(account, code)) return 'otp'
        return takeRecoveryCode(account, code) ? 'recovery' : undefined
      }),
  }
}

import type { Identity } from './identity.ts'

/** One entry of identity's feed; times in milliseconds since 1970. */
export interface Revocation {
  subject: string
  /** What was issued until then is void. */
  revoked: number
  /** Nothing that it concerns is alive any more then. */
  expires: number
}

export type Revoked = ReturnType<typeof createRevoked>

const ACCOUNT = 'account:'

/**
 * What has been revoked and could still be shown to us. Every change has a number, and whoever was compared with the last one
 * need not be compared again.
 */
export function createRevoked(now: () => number = Date.now) {
  const bySubject = new Map<string, { revoked: number; expires: number; change: number }>()
  let change = 0

  function add(revocations: readonly Revocation[]): void {
    change++
    for (const { subject, revoked, expires } of revocations) {
      const known = bySubject.get(subject)
      bySubject.delete(subject)
      bySubject.set(subject, {
        revoked: Math.max(revoked, known?.revoked ?? 0),
        expires: Math.max(expires, known?.expires ?? 0),
        change,
      })
    }
    // They come in the order in which they expire.
    for (const [subject, { expires }] of bySubject) {
      if (expires > now()) break
      bySubject.delete(subject)
    }
  }

  return {
    add,
    /** Forgets everything but these. */
    reset(revocations: readonly Revocation[]): void {
      bySubject.clear()
      add(revocations)
    },
    /** The number of the last change. */
    change: () => change,
    size: () => bySubject.size,
    /**
     * Whether an identity has ended since it was last compared. A token carries its own time: that of an account ends what was
     * issued until then. Of what identity was asked about, it is known only that the answer is older than the revocation.
     */
    ends(identity: Identity): boolean {
      if (identity.checked === change) return false
      for (const subject of identity.subjects) {
        const found = bySubject.get(subject)
        if (found === undefined) continue
        const { issued } = identity
        const isOver =
          issued === undefined
            ? found.change > identity.checked
            : !subject.startsWith(ACCOUNT) || issued <= found.revoked
        if (isOver) return true
      }
      identity.checked = change
      return false
    },
  }
}

import type { AccountChange, AccountState } from '../store.ts'

export interface Act {
  /** What an account may be for it. */
  from: readonly AccountState[]
  change: AccountChange
  /** Whether it takes access away. */
  ends: boolean
  event: string
  summary: string
}

/** What an administrator may do with an account as a whole. */
export const ACTS: Record<'approve' | 'reject' | 'suspend' | 'reinstate', Act> = {
  approve: {
    from: ['pending', 'rejected'],
    // It becomes approved unless it waits for its mail, too.
    change: { state: 'pending', awaits_approval: 0 },
    ends: false,
    event: 'account.approved',
    summary: 'Let a pending or rejected account in',
  },
  reject: {
    from: ['pending'],
    change: { state: 'rejected', awaits_approval: 1 },
    ends: true,
    event: 'account.rejected',
    summary: 'Do not let a pending account in',
  },
  suspend: {
    from: ['approved'],
    change: { state: 'suspended' },
    ends: true,
    event: 'account.suspended',
    summary: 'Lock an account; everything that it has open ends at once',
  },
  reinstate: {
    from: ['suspended'],
    change: { state: 'approved' },
    ends: false,
    event: 'account.reinstated',
    summary: 'Unlock a suspended account',
  },
}

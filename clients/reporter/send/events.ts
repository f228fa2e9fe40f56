import type { Dropped } from '../queue/queue.ts'
import type { Trouble } from './trouble.ts'
import type { ReportError, ReportVerdict } from './verdicts.ts'

export interface Sent {
  /** Of the queue, as `report` gave it. */
  id: string
  /** Of the collector. */
  reportId?: string
  /** `duplicate`: it had that report already. `quarantined`: it keeps it, but the report does not fit its schema. */
  status: 'stored' | 'duplicate' | 'quarantined'
  /** What does not fit. */
  errors: ReportError[]
}

export interface Rejected {
  id: string
  errors: ReportError[]
}

/** Told of what happens. What they throw is of no consequence to sending. */
export interface ReporterEvents {
  onSent?: (sent: Sent) => void
  /** The collector does not take the report, and it is not sent again. */
  onRejected?: (rejected: Rejected) => void
  /** A report left the queue without being sent. */
  onDropped?: (dropped: Dropped) => void
  /** Sending has stopped, for a while or until `flush` is called. */
  onTrouble?: (trouble: Trouble) => void
}

/** Calls a listener so that nothing it does comes back: neither a throw nor a promise that rejects. */
function tell<T>(listener: ((event: T) => unknown) | undefined, event: T): void {
  try {
    const result = listener?.(event)
    if (result instanceof Promise) result.catch(() => undefined)
  } catch {
    // It is the listener's own affair.
  }
}

export function createEvents({ onSent, onRejected, onDropped, onTrouble }: ReporterEvents) {
  const counts = { sent: 0, rejected: 0, dropped: 0 }
  return {
    counts,
    verdict(id: string, verdict: ReportVerdict): void {
      if (verdict.status === 'rejected') {
        counts.rejected++
        tell(onRejected, { id, errors: verdict.errors })
        return
      }
      counts.sent++
      const { status, id: reportId } = verdict
      const errors = verdict.status === 'quarantined' ? verdict.errors : []
      tell(onSent, { id, status, errors, ...(reportId === undefined ? {} : { reportId }) })
    },
    dropped(dropped: Dropped): void {
      counts.dropped++
      tell(onDropped, dropped)
    },
    trouble: (trouble: Trouble): void => tell(onTrouble, trouble),
  }
}

import type { Test } from 'tap'
import {
  createReporter,
  type Dropped,
  type Rejected,
  type ReporterOptions,
  type Sent,
  type Trouble,
} from '../reporter.ts'
import { ACCESS } from './servers.ts'

/** So short that tests do not wait, and so long that a first try is over by then. */
export const BACKOFF = { baseMs: 5, maxMs: 20 }

/** A reporter that is closed when the test ends, and all that it told. */
export function testReporter(t: Test, options: Partial<ReporterOptions> & { url: string }) {
  const sent: Sent[] = []
  const rejected: Rejected[] = []
  const dropped: Dropped[] = []
  const troubles: Trouble[] = []
  const reporter = createReporter({
    ...ACCESS,
    backoff: BACKOFF,
    isAutomatic: false,
    onSent: (event) => void sent.push(event),
    onRejected: (event) => void rejected.push(event),
    onDropped: (event) => void dropped.push(event),
    onTrouble: (event) => void troubles.push(event),
    ...options,
  })
  t.teardown(() => reporter.close())
  const add = async (...numbers: number[]) => {
    const ids: string[] = []
    for (const n of numbers) {
      const added = await reporter.report({ status: {}, n })
      if (added.accepted) ids.push(added.id)
    }
    return ids
  }
  return { reporter, add, sent, rejected, dropped, troubles }
}

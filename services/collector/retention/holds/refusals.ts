import { Problem } from '#shared/problem.ts'
import type { Hold } from './schema.ts'

/** Who may not delete it knows why, and who could lift that. */
export const onHold = (hold: Hold) =>
  new Problem('conflict', { detail: `The report is on hold: ${hold.reason}`, extensions: { hold } })

export const noHold = () => new Problem('not-found', { detail: 'The report is on no hold' })

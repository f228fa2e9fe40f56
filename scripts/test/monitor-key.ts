import { readFileSync } from 'node:fs'
import path from 'node:path'

/** The header that takes load out of the rate limits. */
export const unlimited = (dataDir: string) => ({
  'x-monitor-key': readFileSync(path.join(dataDir, 'monitor.key'), 'utf8').trim(),
})

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** A shorter one is what a power cut left of the file; the gateway would refuse it. */
const KEY_MIN_LENGTH = 32

/** The key by which health monitor and load tests are known: kept in the data folder, readable by its owner only. */
export function monitorKey(dataDir: string): string {
  const file = path.join(dataDir, 'monitor.key')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const known = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (known.length >= KEY_MIN_LENGTH) return known
  const fresh = randomBytes(32).toString('hex')
  writeFileSync(file, `${fresh}\n`, { mode: 0o600 })
  return fresh
}

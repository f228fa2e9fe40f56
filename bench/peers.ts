import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { PEERS } from './subjects/lab.ts'

/** Installs the peers that come from npm, as their lock file says. They run under the same Node as the product. */
export function installPeers(): void {
  if (existsSync(path.join(PEERS, 'node_modules'))) return
  console.log('installing the peers of bench/peers ...')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: PEERS, stdio: 'inherit' })
  if (status !== 0) throw new Error('npm ci in bench/peers failed')
}

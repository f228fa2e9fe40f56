import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem } from 'node:os'
import path from 'node:path'
import { has, pinned } from './lab/process.ts'
import { PEERS, ROOT } from './subjects/lab.ts'

/** What a reader must know to compare two runs. */
export type Machine = Record<string, string> & { date: string }

function firstMatch(command: string, args: string[], pattern: RegExp): string {
  if (!has(command)) return 'not installed'
  // nginx says its version on standard error.
  const said = execFileSync('sh', ['-c', `${[command, ...args].join(' ')} 2>&1`], { encoding: 'utf8' })
  return pattern.exec(said)?.[0] ?? said.trim()
}

const VERSION = /\d+\.\d+\.\d+[^\s,;]*/

function packageVersions(): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(path.join(PEERS, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  return dependencies
}

const MEASURED = ['gateway', 'services', 'shared', 'scripts', 'package-lock.json']

/** The last commit that changed what is measured, and whether that is changed since. */
export function describeSource(): string {
  const git = (...args: string[]) => spawnSync('git', [...args, '--', ...MEASURED], { cwd: ROOT, encoding: 'utf8' })
  const commit = git('log', '-1', '--format=%h')
  if (commit.status !== 0) return 'unknown'
  return commit.stdout.trim() + (git('status', '--porcelain').stdout === '' ? '' : ' with changes')
}

export function describeMachine(): Machine {
  const cores = cpus()
  return {
    date: new Date().toISOString(),
    source: describeSource(),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: String(cores.length),
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    system: `${process.platform} ${release()} ${arch()}`,
    'load average before': loadavg()
      .map((value) => value.toFixed(2))
      .join(' '),
    pinned: pinned
      ? 'load and origin on core 0, the measured process on core 1'
      : 'no: taskset or a second core is missing',
    node: process.version,
    nginx: firstMatch('nginx', ['-v'], VERSION),
    haproxy: firstMatch('haproxy', ['-v'], VERSION),
    caddy: firstMatch('caddy', ['version'], VERSION),
    ...packageVersions(),
  }
}

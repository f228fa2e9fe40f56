import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Test } from 'tap'
import { until } from '#shared/test/until.ts'

const RUN = path.join(import.meta.dirname, '..', 'run.ts')

/** The example as `npm run example` runs it; it is stopped when the test ends. */
export function spawnExample(t: Test, env: Record<string, string>) {
  const child = spawn(process.execPath, [RUN], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (output += part))
  }
  const exited = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
  })
  return { exited, output: () => output }
}

/** The example on a free port, serving. */
export async function runExample(t: Test, env: Record<string, string>) {
  const { output } = spawnExample(t, { FRONTEND_PORT: '0', ...env })
  const says = (text: string) => until(`"${text}" in what it says: ${output()}`, () => output().includes(text))
  await says('The example page: ')
  const url = /The example page: (\S+)/.exec(output())?.[1] as string
  return { url, says }
}

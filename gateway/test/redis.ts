import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { Test } from 'tap'

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/** A real Redis of the test's own, ended with it. */
export async function startRedis(t: Test) {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  const start = async () => {
    const child = spawn(
      'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', t.testdirName],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    for await (const line of child.stdout) if (String(line).includes('Ready to accept connections')) break
    child.stdout.resume()
    const kill = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    t.teardown(kill)
    return { kill, pid: child.pid as number }
  }
  t.testdir({})
  return { url: `redis://127.0.0.1:${port}`, start, ...(await start()) }
}

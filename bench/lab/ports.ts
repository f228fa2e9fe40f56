import { once } from 'node:events'
import { createServer } from 'node:net'
import { ADMIN_PORT_OFFSET } from '#shared/ports.ts'

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

/** Away from the product's own ports, so that an installation may run beside the bench, and below the ephemeral ones. */
let next = 17_000

/** A free port whose admin port is free too. */
export async function freePort(): Promise<number> {
  for (; next < 32_000; next++) {
    // Admin ports lie 100 above: use one half of every 200.
    if (Math.floor(next / ADMIN_PORT_OFFSET) % 2 === 1) continue
    if ((await isFree(next)) && (await isFree(next + ADMIN_PORT_OFFSET))) return next++
  }
  throw new Error('no free port from 17000 to 32000')
}

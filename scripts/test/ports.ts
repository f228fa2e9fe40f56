import { createServer } from 'node:net'
import { ADMIN_PORT_OFFSET, PORTS, type ProcessName } from '#shared/ports.ts'

// Below the range from which the kernel gives ports to clients, so that nobody takes one between our look and the start.
const FIRST = 20_000
const LAST = 32_000

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** A port for each process, free together with its admin port. Port 0 would give a restarted process another one. */
export async function freePorts(): Promise<Record<ProcessName, number>> {
  const names = Object.keys(PORTS) as ProcessName[]
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    const ports = names.map((_name, index) => first + index)
    const free = await Promise.all(ports.flatMap((port) => [isFree(port), isFree(port + ADMIN_PORT_OFFSET)]))
    if (free.every(Boolean)) {
      return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Record<ProcessName, number>
    }
  }
}

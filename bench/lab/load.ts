import { once } from 'node:events'
import path from 'node:path'
import { start, type Running } from './process.ts'

/** One request; `{{n}}` in a path, header or body counts up, `{{n%7}}` is its remainder, `{{run}}` is new in every run. */
export interface RequestShape {
  method?: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  body?: string
  /** The one that is expected; any 2xx without it. */
  status?: number
}

/** Files to send as multipart/form-data, one to each path. */
export interface Upload {
  paths: string[]
  bytes: number
}

export interface LoadJob {
  url: string
  connections: number
  seconds: number
  /** Requests a second, all connections together; as many as there are answers without it. */
  rate?: number
  request: RequestShape
  upload?: Upload
}

export interface LoadResult {
  requests: number
  seconds: number
  /** Milliseconds; of uploads the slowest one. */
  p99: number
  /** Answers with another status, and errors. */
  failed: number
}

export interface Load {
  run(job: LoadJob): Promise<LoadResult>
}

/** Starts the load generator, on the core that is not measured. */
export async function startLoad(log: string): Promise<Load> {
  const generator: Running = await start({
    name: 'load generator',
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'generator.ts')],
    core: 0,
    log,
  })
  const dead = generator.ended.then(() => [{ error: `the load generator ended, see ${log}` }])
  return {
    async run(job) {
      generator.child.send(job)
      const [message] = (await Promise.race([once(generator.child, 'message'), dead])) as [
        { result?: LoadResult; error?: string },
      ]
      if (message.result === undefined) throw new Error(message.error)
      return message.result
    },
  }
}

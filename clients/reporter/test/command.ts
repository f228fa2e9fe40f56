import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { run } from '../cli/run.ts'
import { HERE } from './build.ts'

export interface Ran {
  code: number
  out: string
  err: string
}

/** Only what a test names is in the environment: no key of the machine's. */
const bare = { PATH: process.env.PATH }

/** Runs the command line as `npm run report --` does. */
export async function report(
  args: readonly string[],
  {
    env = {},
    stdin = '',
    cwd = process.cwd(),
  }: { env?: NodeJS.ProcessEnv; stdin?: string | Buffer; cwd?: string } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [path.join(HERE, 'cli/main.ts'), ...args], { env: { ...bare, ...env }, cwd })
  // It may end without having read it all.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode as number, out, err }
}

/** The same within this process: faster, for what needs no process of its own. */
export async function reportHere(
  args: readonly string[],
  {
    env = {},
    stdin = '',
    signal = new AbortController().signal,
  }: { env?: NodeJS.ProcessEnv; stdin?: string | Buffer | Readable; signal?: AbortSignal } = {},
): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const told = Promise.all([text(stdout), text(stderr)])
  const source = stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)])
  const code = await run(args, { stdin: source, stdout, stderr, env, signal })
  stdout.end()
  stderr.end()
  const [out, err] = await told
  return { code, out, err }
}

/** Of a collector with keys. */
export const ENV = { API_KEYS: 'default:collector-key,teamA:teamA-key:sender' }

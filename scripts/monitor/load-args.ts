import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { usageErrorOf, UsageError, wholeNumber } from './args.ts'
import type { RoutePlan } from './drive.ts'
import { LOAD_BOUNDS, LOAD_DEFAULTS } from './limits.ts'

/** What `npm run load` asks for. */
export interface RouteLoadOptions {
  route: string
  method: RoutePlan['method']
  connections: number
  rate: number
  duration_s: number
  headers: Record<string, string>
  body?: string
  json: boolean
  help: boolean
}

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT'] as const

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        route: { type: 'string' },
        method: { type: 'string', default: 'GET' },
        connections: { type: 'string' },
        rate: { type: 'string' },
        duration: { type: 'string' },
        header: { type: 'string', multiple: true, default: [] },
        body: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw usageErrorOf(error)
  }
}

/** The body itself when it is JSON, else the file that it names. */
function bodyFrom(value: string): string {
  if (/^\s*[[{"]/.test(value)) return value
  try {
    return readFileSync(value, 'utf8')
  } catch {
    throw new UsageError(`--body ${value}: is neither JSON nor a file that can be read`)
  }
}

function headerFrom(line: string): [string, string] {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):\s*([\t\x20-\x7e]*)$/.exec(line) ?? []
  if (name === undefined || value === undefined) throw new UsageError(`--header must be "name: value", not "${line}"`)
  return [name.toLowerCase(), value]
}

/**
 * Reads the command line of `npm run load`.
 * @throws UsageError with one line that names the flag
 */
export function readLoadOptions(args: readonly string[]): RouteLoadOptions {
  const { route = '', method, connections, rate, duration, header, body, json, help } = parse(args)
  // A path, never a URL: load goes to the gateway of this machine and nowhere else.
  if (!help && !/^\/(?!\/)[\x21-\x7e]*$/.test(route)) {
    throw new UsageError(`--route must be a path that begins with one "/", not "${route}"`)
  }
  const known = METHODS.find((name) => name === method.toUpperCase())
  if (known === undefined) throw new UsageError(`--method must be one of ${METHODS.join(', ')}, not "${method}"`)
  const text = body === undefined ? undefined : bodyFrom(body)
  return {
    route,
    method: known,
    connections: wholeNumber('connections', connections, LOAD_DEFAULTS.connections, LOAD_BOUNDS.connections),
    rate: wholeNumber('rate', rate, LOAD_DEFAULTS.rate, LOAD_BOUNDS.rate),
    duration_s: wholeNumber('duration', duration, LOAD_DEFAULTS.duration, LOAD_BOUNDS.duration),
    headers: {
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...Object.fromEntries(header.map(headerFrom)),
    },
    ...(text === undefined ? {} : { body: text }),
    json,
    help,
  }
}

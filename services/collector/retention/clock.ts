import { readFileSync } from 'node:fs'
import { hostname, uptime } from 'node:os'

/** What this machine says of the time, all of one moment. */
export interface ClockReading {
  /** The wall clock: milliseconds since 1970. It may be set, forwards and backwards. */
  now: number
  /** Milliseconds since the machine started; nobody can set that. It goes on while the machine sleeps. */
  uptime: number
  /** Names this start of the machine. */
  boot: string
}

export type Clock = () => ClockReading

/** A reading that was believed. */
export interface ClockMark extends ClockReading {
  /** The wall clock when it was last seen to agree with `now` and `uptime`. */
  alive: number
  /** The newest report that there was, when somebody said that the clock is right nevertheless; else 0. */
  accepted: number
}

/** By how much the clock is off, in milliseconds; forwards when positive. */
export interface ClockJump {
  by: number
  reason: string
}

/** What a clock may differ from what is known otherwise. */
export const JUMP_MS = 86_400_000

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

function readBoot(): string {
  try {
    return readFileSync(BOOT_ID, 'utf8').trim()
  } catch {
    // Elsewhere the uptime tells one start from another: it is less than it was.
    return hostname()
  }
}

const boot = readBoot()

export const systemClock: Clock = () => ({ now: Date.now(), uptime: Math.round(uptime() * 1000), boot })

/** The mark of the same start of the machine: since then, the uptime tells how much time has passed. */
const ownMark = ({ boot: id, uptime: up }: ClockReading, marks: readonly ClockMark[]): ClockMark | undefined =>
  marks.find((mark) => mark.boot === id && mark.uptime <= up)

/**
 * Whether the clock can be believed:
 * - since a mark of the same start of the machine it must have gone on as the uptime has;
 * - after another start it must not be before the last time it was seen, and the time in which the machine was off, as the clock
 *   tells it, must be under a day: from longer than that nobody can tell a jump;
 * - no report may be from the future.
 * @param marks those of the tenant
 * @param newest time of the newest report
 * @returns undefined when it is within a day of all that
 */
export function jumpOf(
  reading: ClockReading,
  marks: readonly ClockMark[],
  newest: number | undefined,
): ClockJump | undefined {
  const { now, uptime: up } = reading
  const off = (by: number, reason: string) => (Math.abs(by) > JUMP_MS ? { by, reason } : undefined)
  const own = ownMark(reading, marks)
  if (own !== undefined) {
    const jump = off(now - own.now - (up - own.uptime), 'it did not go on as the uptime of the machine did')
    if (jump !== undefined) return jump
  } else if (marks.length > 0) {
    const last = Math.max(...marks.map(({ alive }) => alive))
    if (now < last - JUMP_MS) return { by: now - last, reason: 'it is before the last time it was seen' }
    const unknown = now - up - last
    if (unknown > JUMP_MS) return { by: unknown, reason: 'nobody knows what it did while the machine was off' }
  }
  const accepted = Math.max(0, ...marks.map((mark) => mark.accepted))
  if (newest !== undefined && newest > accepted && newest > now + JUMP_MS) {
    return { by: now - newest, reason: 'the newest report is from the future' }
  }
  return undefined
}

/**
 * The mark to keep of a reading that is believed. Within one start of the machine the first one stays, so that many small
 * jumps are no way around the check; one that was forced begins anew.
 */
export function markOf(
  reading: ClockReading,
  marks: readonly ClockMark[],
  forced?: { newest: number | undefined },
): ClockMark {
  const accepted = Math.max(0, forced?.newest ?? 0, ...marks.map((mark) => mark.accepted))
  const own = forced === undefined ? ownMark(reading, marks) : undefined
  return { ...(own ?? reading), alive: reading.now, accepted }
}

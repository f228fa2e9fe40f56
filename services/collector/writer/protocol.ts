import { Problem, type ProblemName, type ProblemOptions } from '#shared/problem.ts'
import type { Once } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { IngestItem } from '../ingest/item.ts'
import type { ItemOutcome } from '../ingest/item.ts'
import type { Standing } from '../tenants/store.ts'

/** What the thread of the writer is started with. */
export interface WriterData {
  config: CollectorConfig
}

/** A write by its name in the table of commands. */
export interface SentCommand {
  name: string
  args: readonly unknown[]
  /** Whose data it changes, and the key under which it is done once. */
  owner?: string
  once?: Once
}

/** Everything that came together: it goes to the writer in one message and is answered in one. */
export interface WriterRequest {
  items: readonly IngestItem[]
  commands: readonly SentCommand[]
}

/** An error on its way between threads. */
export type Failure =
  { problem: ProblemName; options: Omit<ProblemOptions, 'cause'>; cause?: string } | { message: string; stack?: string }

export type Outcome<T> = { value: T } | { failure: Failure }

/** Outcomes in the order of the request. */
export interface WriterAnswer {
  items: readonly Outcome<ItemOutcome>[]
  commands: readonly Outcome<unknown>[]
  /** Of the tenants whose data changed, as it is on disk now. */
  standings?: readonly Standing[]
}

export type FromWriter =
  | { ready: true }
  | { answer: WriterAnswer }
  | { log: 'error' | 'info'; fields: Record<string, unknown>; message: string }
  | { diskFailure: string }

export function failureOf(error: unknown): Failure {
  if (error instanceof Problem) {
    const { cause, ...options } = error.options
    return { problem: error.problem, options, ...(cause === undefined ? {} : { cause: textOf(cause) }) }
  }
  const { message = String(error), stack } = error as Partial<Error>
  return { message, ...(stack === undefined ? {} : { stack }) }
}

const textOf = (cause: unknown): string => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))

/** The error as it was thrown in the other thread. */
function errorOf(failure: Failure): Error {
  if ('problem' in failure) {
    const { problem, options, cause } = failure
    return new Problem(problem, { ...options, ...(cause === undefined ? {} : { cause: new Error(cause) }) })
  }
  return Object.assign(new Error(failure.message), failure.stack === undefined ? {} : { stack: failure.stack })
}

/** What came of it. @throws the error as it was thrown in the other thread */
export function valueOf<T>(outcome: Outcome<T>): T {
  if ('failure' in outcome) throw errorOf(outcome.failure)
  return outcome.value
}

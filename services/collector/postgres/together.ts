import pg from 'pg'
import { forget, sentOn } from './kept.ts'
import type { Statement } from './sql.ts'
import { encode } from './values.ts'

/** The part of a connection of pg that those who bring a query of their own send messages with. */
interface Wire {
  stream: { cork(): void; uncork(): void }
  parse(message: { text: string; name: string }): void
  close(message: { type: 'S'; name: string }): void
  bind(message: { portal: string; statement: string; values: readonly (string | Buffer | null)[] }): void
  describe(message: { type: 'P'; name: string }): void
  execute(message: { portal: string }): void
  sync(): void
}

/** What a statement gave. */
export interface Result<R = unknown> {
  rows: R[]
  /** Rows that it read or changed. */
  count: number
  command: string
}

type Answer = { rows: unknown[]; rowCount: number | null; command: string }

/**
 * Statements that go over in one message and are answered in one: up to the first that fails they are done in their order, and
 * none after it; without a transaction around them they are one
 * (https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
 */
class Together extends pg.Query {
  readonly #statements: readonly Statement[]
  readonly #fresh: string[] = []
  #wire: Wire | undefined

  constructor(statements: readonly Statement[], done: (error: Error | null, answers: Answer | Answer[]) => void) {
    const settle: typeof done = (error, answers) => {
      // After the one that failed the server has read nothing.
      if (error !== null && this.#wire !== undefined) forget(this.#wire, this.#fresh)
      done(error, answers)
    }
    super({ text: '', values: [] }, settle as never)
    this.#statements = statements
  }

  /** @returns the name that BIND finds it under */
  #parse(wire: Wire, statement: Statement): string {
    const { text, name, isKnown } = sentOn(wire, statement)
    if (isKnown) return name
    if (name !== '') {
      // It may be there, of a group that failed after it; to close what is not there is no error.
      wire.close({ type: 'S', name })
      this.#fresh.push(name)
    }
    wire.parse({ text, name })
    return name
  }

  override submit = (connection: unknown): null => {
    const wire = connection as Wire
    this.#wire = wire
    wire.stream.cork()
    try {
      for (const statement of this.#statements) {
        const name = this.#parse(wire, statement)
        wire.bind({ portal: '', statement: name, values: statement.values.map(encode) })
        wire.describe({ type: 'P', name: '' })
        wire.execute({ portal: '' })
      }
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
    return null
  }
}

/** Sends statements together; @returns what each gave @throws what the first that failed failed with */
export const together = (client: pg.ClientBase, statements: readonly Statement[]): Promise<Result[]> =>
  new Promise((resolve, reject) => {
    const done = (error: Error | null, answers: Answer | Answer[]) => {
      if (error !== null) return reject(error)
      resolve([answers].flat().map(({ rows, rowCount, command }) => ({ rows, count: rowCount ?? 0, command })))
    }
    client.query(new Together(statements, done))
  })

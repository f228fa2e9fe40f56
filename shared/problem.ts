/** Every refusal there is: RFC 9457 problem types, their status and title. Retired names are never reused. */
export const CATALOG = {
  'invalid-input': [400, 'The request is not valid'],
  'unsafe-request': [400, 'The request is ambiguous or unsafe'],
  unauthenticated: [401, 'Authentication is required'],
  'second-factor-required': [401, 'A second factor is needed to sign in'],
  forbidden: [403, 'This is not allowed'],
  'not-found': [404, 'There is no such resource'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'request-timeout': [408, 'The request did not arrive in time'],
  conflict: [409, 'The request conflicts with stored data'],
  'precondition-failed': [412, 'The resource has changed since it was read'],
  'too-large': [413, 'The request is too large'],
  'unsupported-media-type': [415, 'This content type is not accepted here'],
  'range-not-satisfiable': [416, 'The range is outside the file'],
  'expectation-failed': [417, 'The expectation cannot be met'],
  'idempotency-mismatch': [422, 'The idempotency key was used for another request'],
  'too-many-requests': [429, 'Too many requests'],
  'headers-too-large': [431, 'The request headers are too large'],
  internal: [500, 'Something went wrong here'],
  'bad-gateway': [502, 'The service behind the gateway answered wrongly'],
  unavailable: [503, 'The service is not available'],
  overloaded: [503, 'The service is overloaded'],
  'gateway-timeout': [504, 'The service behind the gateway did not answer in time'],
  'storage-full': [507, 'There is no space left to store this'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemName = keyof typeof CATALOG

export interface FieldError {
  /** Where the field was: body, querystring, params or headers. */
  in: string
  /** Dotted path of the field, '' for the whole. */
  field: string
  message: string
}

export interface ProblemOptions {
  /** What exactly is wrong, for a person; goes out as `detail` and `message`. */
  detail?: string
  errors?: FieldError[]
  headers?: Record<string, string>
  /** The text an existing client expects in `error` instead of the title. */
  error?: string
  /** Extension members (RFC 9457 section 3.2). */
  extensions?: Record<string, unknown>
  cause?: unknown
}

export interface ProblemDocument {
  type: string
  title: string
  status: number
  detail: string
  instance?: string
  errors?: FieldError[]
  error: string
  message: string
  [extension: string]: unknown
}

/** A refusal on its way out. Only shared/server.ts (and the gateway's raw answers) turn it into a reply. */
export class Problem extends Error {
  readonly problem: ProblemName
  readonly statusCode: number
  readonly options: ProblemOptions

  constructor(problem: ProblemName, options: ProblemOptions = {}) {
    const [status, title] = CATALOG[problem]
    const { stackTraceLimit } = Error
    // What a client does wrong needs no stack, and under a flood of refusals the stacks would be most of their price.
    if (status < 500) Error.stackTraceLimit = 0
    super(options.detail ?? title, { cause: options.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'Problem'
    this.problem = problem
    this.statusCode = status
    this.options = options
  }

  /** The RFC 9457 document; `error` and `message` are what clients older than the RFC read. */
  toDocument(requestId?: string): ProblemDocument {
    const [status, title] = CATALOG[this.problem]
    return {
      type: `urn:najimban:problem:${this.problem}`,
      title,
      status,
      detail: this.message,
      ...(requestId === undefined ? {} : { instance: `urn:najimban:request:${requestId}` }),
      ...(this.options.errors === undefined ? {} : { errors: this.options.errors }),
      error: this.options.error ?? title,
      message: this.message,
      ...this.options.extensions,
    }
  }
}

/** Of messages that begin with their verb; the others name the field themselves. */
const VERB = /^(?:must|is|has) /

/** One faulty field as a 400. */
export function invalidField(where: string, field: string, message: string): Problem {
  const subject = field === '' ? `The ${where}` : field
  const detail = VERB.test(message) ? `${subject} ${message}` : message
  return new Problem('invalid-input', { detail, errors: [{ in: where, field, message }] })
}

export const PROBLEM_JSON = 'application/problem+json; charset=utf-8'

import compress from '@fastify/compress'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, {
  LogController,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  type RawServerDefault,
} from 'fastify'
import type Joi from 'joi'
import type { AnswerCache } from './answer-cache.ts'
import { endWith, onAnswered, tellUnread, watchAnswers } from './answered.ts'
import { leaveBodies, parseJson, refuseCodedBodies } from './bodies.ts'
import type { Caller } from './caller.ts'
import type { CommonConfig } from './config.ts'
import { registerEtag, suffixCompressedEtag } from './etag-hook.ts'
import { probes } from './admin.ts'
import type { Health } from './health.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { CATALOG, PROBLEM_JSON, Problem, type FieldError, type ProblemName } from './problem.ts'
import { requestIdOf } from './request-id.ts'
import { isStrict, otherNames } from './strict.ts'

/** Joi schemas type the handlers. */
export interface JoiTypes extends FastifyTypeProvider {
  validator: this['schema'] extends Joi.Schema<infer T> ? T : unknown
}

export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, JoiTypes>

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is asking; set before any handler of a service runs. */
    caller: Caller
    /** Hash of method, path and body, when the request carries an Idempotency-Key. */
    fingerprint: string
  }
  interface FastifyContextConfig {
    /** Answers without knowing the caller (probes, the OpenAPI document). */
    public?: boolean
    /** False: answers of this route are not a representation of a resource and get no ETag. */
    etag?: boolean
    /** True: this route undoes the content codings of its bodies itself, with a cap on what comes out. */
    codings?: boolean
  }
}

export interface ServerOptions {
  config: CommonConfig
  logger: Logger
  metrics: Metrics
  health: Health
  /** Sets who is asking; throws a Problem when that is not proven. The gateway has hooks of its own instead. */
  identify?: (request: FastifyRequest) => void
  /** 0 where another guard watches slow bodies. */
  requestTimeoutMs?: number
  /** Keeps answers of polled lists. */
  answerCache?: Pick<AnswerCache, 'register'>
  /** False: bodies are not read here, whatever their type (the gateway). */
  parseBodies?: boolean
  /** Members that a 404 for an unknown path carries besides. */
  notFound?: Record<string, unknown>
  /** Fields of the answers that are given before any hook can set them. */
  ownHeaders?: Record<string, string>
  /** Addresses of reverse proxies whose `X-Forwarded-For` is believed. */
  trustProxy?: string[]
}

/** Of direct callers: 50 MB over a line of 120 kbit/s. Behind the gateway, which watches the pace, there is none. */
const REQUEST_TIMEOUT_MS = 3_600_000
const CONNECTIONS_CHECK_MS = 1000
const COMPRESS_MIN_BYTES = 1024
const MAX_PARAM_LENGTH = 1024
/** JSON and text; never images, archives or event streams. */
const COMPRESSIBLE = /^(?:application\/(?:[\w.-]+\+)?(?:json|xml|yaml)|application\/javascript|text\/(?!event-stream))/

/** Problems by the codes of Fastify's own errors. */
const FASTIFY_PROBLEMS: Record<string, ProblemName> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
}

/** What a throw becomes: itself, the problem for its status, or an internal error that shows no cause. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { code = '', statusCode = 500, message } = error as Partial<FastifyError>
  const named = FASTIFY_PROBLEMS[code]
  if (named !== undefined) return new Problem(named, { detail: message as string })
  if (statusCode < 400 || statusCode >= 500) return new Problem('internal', { cause: error })
  const name = Object.entries(CATALOG).find(([, [status]]) => status === statusCode)?.[0] ?? 'invalid-input'
  return new Problem(name as ProblemName, { detail: message as string })
}

/** More faults than this help nobody, and thousands of array items would make a large answer out of a small body. */
const FIELD_ERRORS_MAX = 100

/** The faults of a value as field errors. */
function fieldErrors(error: Joi.ValidationError, where: string, schema: Joi.Schema): FieldError[] {
  return error.details.slice(0, FIELD_ERRORS_MAX).map(({ type, path, message }) => {
    const names = type === 'object.unknown' ? otherNames(schema, path) : ''
    const hint = names === '' ? '' : ` (known: ${names})`
    return { in: where, field: path.join('.'), message: `${message.replaceAll('"', '')}${hint}` }
  })
}

/** The guard against slow and malformed clients answers before there is a request. @returns with what, if it does */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): ProblemName | undefined {
  // Bytes that come while an answer is under way must not put another one inside it.
  const { _httpMessage: current } = socket as Socket & { _httpMessage?: ServerResponse | null }
  if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent === true) {
    socket.destroy()
    return undefined
  }
  const name =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? 'request-timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? 'headers-too-large'
        : 'unsafe-request'
  // llhttp takes visible ASCII alone in an address (RFC 9112 section 3.2).
  const detail = 'The address has characters that must be percent-encoded'
  const problem = new Problem(name, error.code === 'HPE_INVALID_URL' ? { detail } : {})
  const body = JSON.stringify(problem.toDocument())
  socket.end(
    `HTTP/1.1 ${problem.statusCode} ${CATALOG[name][1]}\r\ncontent-type: ${PROBLEM_JSON}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
  return name
}

/** A Fastify server with the house's rules: Joi in, problem documents out, one log line and one metric a request. */
export function createServer(options: ServerOptions): App {
  const { config, logger, health } = options
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: () => logger as never,
    genReqId: (raw) => requestIdOf(raw.headers['x-request-id']),
    requestIdHeader: false,
    bodyLimit: config.BODY_MAX_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    keepAliveTimeout: config.KEEP_ALIVE_TIMEOUT_MS,
    trustProxy: options.trustProxy ?? false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    http: {
      headersTimeout: config.HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
    },
    clientErrorHandler: (error, socket) => {
      const problem = answerClientError(error, socket as Socket)
      if (problem !== undefined && problem !== 'request-timeout')
        tellUnread(app, { problem, ip: (socket as Socket).remoteAddress ?? '' })
    },
    frameworkErrors: (error, request, reply) => {
      // A path that cannot be decoded is refused before any hook runs.
      endWith(request, reply)
      return sendProblem(problemOf(error), request, reply.headers(options.ownHeaders ?? {}))
    },
  }).withTypeProvider<JoiTypes>() as unknown as App

  // Node remembers the address once it was asked for; of a client that has left it knows none.
  app.server.on('connection', (socket) => void socket.remoteAddress)
  app.decorateRequest('caller')
  app.decorateRequest('fingerprint', '')
  if (options.parseBodies === false) leaveBodies(app)
  else {
    refuseCodedBodies(app)
    parseJson(app, config)
  }
  validateWithJoi(app)
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem.statusCode >= 500 && problem.statusCode !== 507) {
      logger.error({ requestId: request.id, err: problem.options.cause ?? error }, 'request failed')
    }
    return sendProblem(problem, request, reply)
  })
  app.setNotFoundHandler((request) => {
    throw new Problem('not-found', {
      error: 'Not Found',
      detail: `Cannot ${request.method} ${request.url}`,
      ...(options.notFound === undefined ? {} : { extensions: options.notFound }),
    })
  })
  observe(app, options)
  const { identify } = options
  if (identify !== undefined) {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.routeOptions.config.public !== true) identify(request)
      done()
    })
  }
  options.answerCache?.register(app)
  registerEtag(app)
  void app.register(compress, {
    threshold: COMPRESS_MIN_BYTES,
    encodings: ['br', 'gzip'],
    customTypes: COMPRESSIBLE,
    inflateIfDeflated: false,
    globalDecompression: false, // it would read the bodies that the gateway streams, and inflate bombs in services
  })
  suffixCompressedEtag(app)
  app.get('/health/live', { config: { public: true, etag: false } }, () => probes.live().body)
  app.get('/health/ready', { config: { public: true, etag: false } }, (_request, reply) => {
    const { status, body } = probes.ready(health)
    return reply.code(status).send(body)
  })
  return app
}

function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(problem.statusCode)
    .headers(problem.options.headers ?? {})
    .header('x-request-id', request.id)
    .type(PROBLEM_JSON)
    .send(JSON.stringify(problem.toDocument(request.id)))
}

interface Checked {
  value?: unknown
  error?: Problem
}

const QUERIES_MAX = 500
const QUERY_MAX_LENGTH = 512

/** The same few queries come again and again, and what a good one means is the same every time. */
function rememberQueries(schema: Joi.Schema, check: (input: unknown) => Checked): (input: unknown) => Checked {
  const { type, keys, flags, ...more } = schema.describe() as Joi.Description & { keys?: object }
  // What such a schema does not name it does not look at.
  if (type !== 'object' || 'patterns' in more || 'renames' in more || 'unknown' in (flags ?? {})) return check
  const names = Object.keys(keys ?? {})
  const known = new Map<string, object>()
  return (input) => {
    const key = JSON.stringify(names.map((name) => (input as Record<string, unknown>)[name]))
    const found = known.get(key)
    if (found !== undefined) return { value: { ...found } }
    const checked = check(input)
    if (checked.error !== undefined || key.length > QUERY_MAX_LENGTH) return checked
    if (known.size === QUERIES_MAX) known.clear()
    known.set(key, { ...(checked.value as object) })
    return checked
  }
}

function validateWithJoi(app: App): void {
  app.setValidatorCompiler<Joi.Schema>(({ schema, httpPart = 'body' }) => {
    const refusesUnknown = isStrict(schema)
    const prepared = schema.prefs({ abortEarly: false, stripUnknown: !refusesUnknown })
    const check = (input: unknown) => {
      // No body is null to Fastify, which no default of a schema is for.
      // Its query objects have no prototype and do not bind in better-sqlite3: spread them once.
      const { value, error } = prepared.validate(httpPart === 'body' ? (input ?? undefined) : { ...(input as object) })
      if (error === undefined) return { value: value as unknown }
      const errors = fieldErrors(error, httpPart, schema)
      return { error: new Problem('invalid-input', { detail: errors.map((e) => e.message).join('; '), errors }) }
    }
    return httpPart === 'querystring' && !refusesUnknown ? rememberQueries(schema, check) : check
  })
  app.setSerializerCompiler(() => JSON.stringify)
}

/** One log line and one observation for a request that has been answered. */
function report(request: FastifyRequest, reply: FastifyReply, { logger, metrics }: ServerOptions): void {
  const ms = reply.elapsedTime
  const { statusCode } = reply.raw
  metrics.observe(request.method, request.routeOptions.url ?? 'unknown', statusCode, ms / 1000)
  // What processes ask of each other all the time would drown the rest.
  const level = statusCode < 400 && request.url.startsWith('/internal/') ? 'debug' : 'info'
  logger[level]({
    requestId: request.id,
    method: request.method,
    path: request.url.split('?', 1)[0],
    status: statusCode,
    ms: Math.round(ms * 100) / 100,
  })
}

/** Request id out, and a report at the end of each request. */
function observe(app: App, options: ServerOptions): void {
  watchAnswers(app)
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id)
    if (options.health.isDraining()) reply.header('connection', 'close')
    done()
  })
  onAnswered(app, (request, reply) => report(request, reply, options))
}

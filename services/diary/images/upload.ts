import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import multer, { type StorageEngine } from 'multer'
import { invalidField, Problem, type ProblemName } from '#shared/problem.ts'
import type { DiaryConfig } from '../config.ts'
import type { ImageFiles } from './files.ts'
import { imageReceiver, type ReceivedImage } from './receive.ts'

type UploadConfig = Pick<DiaryConfig, 'DIARY_MAX_IMAGES' | 'UPLOAD_MAX_BYTES'>

/** What multer keeps of a file: ours only; names and types from the client are never used. */
type Uploaded = ReceivedImage & { path: string }

const FIELDS = new Set(['image', 'images', 'file'])
const PART_OVERHEAD_BYTES = 16 * 1024
const FIELDS_MAX = 10

/** A form of the most and largest files that are taken. */
export const uploadLimitOf = (config: UploadConfig): number =>
  (config.DIARY_MAX_IMAGES + 1) * (config.UPLOAD_MAX_BYTES + PART_OVERHEAD_BYTES)

const MULTER_PROBLEMS: Record<string, ProblemName> = {
  LIMIT_FILE_SIZE: 'too-large',
  LIMIT_FILE_COUNT: 'too-large',
  LIMIT_PART_COUNT: 'too-large',
  LIMIT_FIELD_COUNT: 'too-large',
  LIMIT_FIELD_VALUE: 'too-large',
}

/** What multer and its parser throw: ours as it is, everything else is a fault of the form. */
function uploadProblem(error: unknown, config: UploadConfig): unknown {
  if (error instanceof Problem) return error
  const { code, message } = error as { code?: string; message: string }
  const name = MULTER_PROBLEMS[code ?? ''] ?? 'invalid-input'
  const detail = code === 'LIMIT_FILE_SIZE' ? `An image may have at most ${config.UPLOAD_MAX_BYTES} bytes` : message
  return new Problem(name, { detail, cause: error })
}

/** Bytes go straight to a temporary file, hashed and looked at on their way. */
function storageFor(files: ImageFiles, config: UploadConfig): StorageEngine {
  const receive = imageReceiver(files, config.UPLOAD_MAX_BYTES)
  return {
    _handleFile(_request, file, done) {
      const receiver = receive()
      const take = async (stream: Readable): Promise<Uploaded> => {
        // A part that is refused must not be destroyed: the parser would take the form for broken off.
        const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
        for await (const chunk of chunks) await receiver.write(chunk)
        const image = await receiver.finish()
        return { ...image, path: files.pathOf(image) }
      }
      take(file.stream).then(
        (image) => done(null, image as unknown as Partial<Express.Multer.File>),
        (error: unknown) => {
          file.stream.resume()
          void receiver.abort().finally(() => done(error))
        },
      )
    },
    _removeFile(_request, file, done) {
      files.remove([file as unknown as Uploaded]).then(() => done(null), done)
    },
  }
}

/** Takes the images out of a multipart/form-data body (RFC 7578), in the order in which they came. */
export function createUpload(files: ImageFiles, config: UploadConfig) {
  const form = multer({
    storage: storageFor(files, config),
    fileFilter(_request, file, done) {
      if (FIELDS.has(file.fieldname)) return done(null, true)
      done(invalidField('body', file.fieldname.slice(0, 100), 'files must be in the field image, images or file'))
    },
    limits: {
      fileSize: config.UPLOAD_MAX_BYTES,
      files: config.DIARY_MAX_IMAGES,
      fields: FIELDS_MAX,
      parts: config.DIARY_MAX_IMAGES + FIELDS_MAX,
      fieldSize: 4096,
      fieldNameSize: 100,
      headerPairs: 20,
      fieldNestingDepth: 1,
      fieldArrayIndexLimit: config.DIARY_MAX_IMAGES,
    },
  }).any()

  /** @throws Problem 400, 413, 415, 507; nothing is left on disk then */
  return async (request: FastifyRequest, reply: FastifyReply): Promise<ReceivedImage[]> => {
    const raw = request.raw as IncomingMessage & { files?: unknown }
    await new Promise<void>((resolve, reject) => {
      form(raw as never, reply.raw as never, (error: unknown) =>
        error === undefined || error === null ? resolve() : reject(uploadProblem(error, config) as Error),
      )
    })
    const images = ((raw.files ?? []) as Uploaded[]).map(({ id, type, bytes, sha256 }) => ({ id, type, bytes, sha256 }))
    if (images.length === 0)
      throw invalidField('body', 'image', 'a file is required in the field image, images or file')
    // The boundary between the parts differs at every retry: what counts are the files.
    const contents = images.map(({ sha256 }) => sha256).join('\n')
    request.fingerprint = hash('sha256', `${request.method} ${request.url}\n${contents}`)
    return images
  }
}

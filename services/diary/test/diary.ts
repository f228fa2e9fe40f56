import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Test } from 'tap'
import type { App } from '#shared/server.ts'
import { testService } from '#shared/test/service.ts'
import { diaryProcess } from '../app.ts'

export interface Entry {
  id: string
  user_id: string
  date: string
  content: string
  mood: string | number | null
  weather: string | null
  tags: string[]
  images: string[]
  created_at: string
  updated_at: string
}

/** The diary on a fresh folder. */
export const diary = (t: Test, env: Record<string, string> = {}) => testService(t, diaryProcess, env)

export const AS_ANNA: Record<string, string> = { 'x-user-id': 'anna' }

export const post = (app: App, payload: object, headers: Record<string, string> = AS_ANNA) =>
  app.inject({ method: 'POST', url: '/api/diaries', payload, headers })

/** An entry that is there. */
export async function written(app: App, fields: Partial<Entry> = {}, headers = AS_ANNA): Promise<Entry> {
  const answer = await post(app, { date: '2026-11-14', content: '오늘', ...fields }, headers)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json<Entry>()
}

const JPEG_HEAD = Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
export const GIF = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAA=', 'base64')
export const WEBP = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64')
export const AVIF = Buffer.from('0000001c667479706176696600000000617669666d696631 6d696166'.replace(' ', ''), 'hex')

/** Bytes that are a JPEG to who looks at their beginning. */
export const jpeg = (size: number): Buffer => Buffer.concat([JPEG_HEAD, randomBytes(size - JPEG_HEAD.length)])

export const dataUrl = (bytes: Uint8Array, type = 'image/webp'): string =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`

/** Every file under the folder of images, temporary ones too, and their bytes. */
export async function storedFiles(dataDir: string): Promise<Map<string, Buffer>> {
  const root = path.join(dataDir, 'diary-images')
  const found = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = found.filter((file) => file.isFile()).map((file) => path.join(file.parentPath, file.name))
  return new Map(
    await Promise.all(files.map(async (file) => [path.relative(root, file), await readFile(file)] as const)),
  )
}

export interface Part {
  name: string
  bytes: Uint8Array
  filename?: string
  type?: string
}

/** A multipart/form-data body as a browser writes it. */
export function form(...parts: Part[]) {
  const boundary = `----${randomBytes(12).toString('hex')}`
  const pieces = parts.flatMap(({ name, bytes, filename, type = 'application/octet-stream' }) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"` +
        (filename === undefined ? '\r\n\r\n' : `; filename="${filename}"\r\ncontent-type: ${type}\r\n\r\n`),
    ),
    bytes,
    Buffer.from('\r\n'),
  ])
  return {
    payload: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  }
}

export const upload = (app: App, id: string, parts: Part[], headers: Record<string, string> = AS_ANNA) => {
  const { payload, headers: type } = form(...parts)
  return app.inject({ method: 'POST', url: `/api/diaries/${id}/images`, payload, headers: { ...type, ...headers } })
}

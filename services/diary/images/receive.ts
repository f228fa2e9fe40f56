import { createHash, randomUUID } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { Problem } from '#shared/problem.ts'
import { countStreamed } from '#shared/streamed.ts'
import { storageFault, type ImageFile, type ImageFiles } from './files.ts'
import { imageTypeOf, SNIFF_BYTES, type ImageType } from './types.ts'

/** An image whose bytes are on disk in a temporary file. */
export interface ReceivedImage extends ImageFile {
  bytes: number
  /** Of the bytes, in hex. */
  sha256: string
}

export interface ImageReceiver {
  /** Bytes may be reused by the caller once this resolves. @throws Problem 413, 415 or 507 */
  write(bytes: Uint8Array): Promise<void>
  /** @throws Problem 415 or 507 */
  finish(): Promise<ReceivedImage>
  /** Leaves nothing behind; to be called after any throw. */
  abort(): Promise<void>
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    offset += (await handle.write(bytes, offset, bytes.length - offset)).bytesWritten
  }
  countStreamed(bytes.length)
}

const COLLECT_EVERY_BYTES = 16 * 1024 * 1024

/**
 * Takes in images as they come: bounded, hashed, refused as soon as the first bytes are not those of an image.
 * @param maxBytes of one image
 */
export function imageReceiver(files: ImageFiles, maxBytes: number): () => ImageReceiver {
  let sinceCollection = 0

  /** V8 sees small objects, not the 64 KB behind each: twenty uploads at once would pile up 80 MB of dead buffers. */
  function collectNowAndThen(bytes: number): void {
    sinceCollection += bytes
    if (sinceCollection < COLLECT_EVERY_BYTES) return
    sinceCollection = 0
    void globalThis.gc?.({ type: 'minor' }) // there when started with --expose-gc
  }

  return () => receiveImage(files, maxBytes, collectNowAndThen)
}

function receiveImage(files: ImageFiles, maxBytes: number, seen: (bytes: number) => void): ImageReceiver {
  const id = randomUUID()
  const hash = createHash('sha256')
  const head = Buffer.alloc(SNIFF_BYTES)
  let bytes = 0
  let handle: FileHandle | undefined
  let type: ImageType | undefined

  const opened = async () => (handle ??= await files.create(id))

  async function sniff(): Promise<ImageType> {
    const found = await imageTypeOf(head.subarray(0, Math.min(bytes, SNIFF_BYTES)))
    if (found !== undefined) return found
    throw new Problem('unsupported-media-type', { detail: 'Images must be JPEG, PNG, WebP, AVIF or GIF' })
  }

  return {
    async write(chunk) {
      if (bytes + chunk.length > maxBytes) {
        throw new Problem('too-large', { detail: `An image may have at most ${maxBytes} bytes` })
      }
      if (bytes < SNIFF_BYTES) head.set(chunk.subarray(0, SNIFF_BYTES - bytes), bytes)
      bytes += chunk.length
      if (type === undefined && bytes >= SNIFF_BYTES) type = await sniff()
      hash.update(chunk)
      seen(chunk.length)
      try {
        await writeFully(await opened(), chunk)
      } catch (error) {
        throw storageFault(error)
      }
    },
    async finish() {
      type ??= await sniff()
      try {
        const file = await opened()
        await file.sync()
        handle = undefined
        await file.close()
      } catch (error) {
        throw storageFault(error)
      }
      return { id, type, bytes, sha256: hash.digest('hex') }
    },
    async abort() {
      const open = handle
      handle = undefined
      await open?.close().catch(() => undefined)
      await files.discard(id)
    },
  }
}

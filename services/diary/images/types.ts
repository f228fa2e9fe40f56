import { fileTypeFromBuffer } from 'file-type'

/** The image formats that are kept, and the extension of their files. */
export const IMAGE_TYPES = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'image/gif': 'gif',
} as const

export type ImageType = keyof typeof IMAGE_TYPES

/** Bytes of a file that decide what it is. */
export const SNIFF_BYTES = 4096

/**
 * What an image is by its content; whatever its sender called it. SVG and HTML can carry scripts and are never one.
 * @param head the first SNIFF_BYTES of the file, or all of it
 */
export async function imageTypeOf(head: Uint8Array): Promise<ImageType | undefined> {
  const mime = (await fileTypeFromBuffer(head))?.mime
  if (mime === 'image/apng') return 'image/png' // an animated PNG is a PNG to who does not know better
  return mime !== undefined && mime in IMAGE_TYPES ? (mime as ImageType) : undefined
}

import { invalidField, Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import type { EmbeddedImages } from './body.ts'
import type { ReceivedImage } from './receive.ts'
import { imageIdOf } from './schema.ts'
import type { ImageStore, StoredImage } from './store.ts'

/** One item of `images[]` as a caller wrote it: an image of the entry, or one that came with the request. */
export type WantedImage = { stored: string } | { received: ReceivedImage }

const tooMany = (max: number) => new Problem('too-large', { detail: `An entry may have at most ${max} images` })

/**
 * What `images[]` of a body asks for.
 * @throws Problem invalid-input naming the item, too-large beyond `max`
 */
export function wantedImages(
  urls: readonly string[],
  embedded: EmbeddedImages | undefined,
  max: number,
): WantedImage[] {
  if (urls.length > max) throw tooMany(max)
  return urls.map((url, index) => {
    const received = embedded?.get(url)
    if (received !== undefined) return { received }
    const stored = imageIdOf(url)
    if (stored !== undefined) return { stored }
    throw invalidField(
      'body',
      `images.${index}`,
      `images.${index} is neither a base64 data URL nor an image of this entry`,
    )
  })
}

export const receivedOf = (wanted: readonly WantedImage[]): ReceivedImage[] =>
  wanted.flatMap((image) => ('received' in image ? [image.received] : []))

/**
 * Makes the entry's images those that are wanted, in that order. To be called inside a write.
 * @returns the images that the entry has no more; their files are to be deleted once the write is committed
 * @throws Problem invalid-input for an image that is not the entry's
 */
export function arrangeImages(
  images: ImageStore,
  user: Owner,
  entryId: string,
  wanted: readonly WantedImage[],
  now: string,
): StoredImage[] {
  const present = new Map(images.ofEntry(user, entryId).map((image) => [image.id, image]))
  const kept = new Set<string>()
  wanted.forEach((image, position) => {
    if ('received' in image) return images.insert(user, entryId, image.received, position, now)
    if (!present.has(image.stored)) {
      throw invalidField('body', `images.${position}`, `images.${position} is not an image of this entry`)
    }
    kept.add(image.stored)
    images.move(user, image.stored, position)
  })
  const dropped = [...present.values()].filter(({ id }) => !kept.has(id))
  for (const { id } of dropped) images.remove(user, id)
  return dropped
}

/** Adds received images after those that the entry has. @throws Problem too-large beyond `max` */
export function appendImages(
  images: ImageStore,
  user: Owner,
  entryId: string,
  received: readonly ReceivedImage[],
  max: number,
  now: string,
): void {
  const present = images.ofEntry(user, entryId)
  if (present.length + received.length > max) throw tooMany(max)
  const next = (present.at(-1)?.position ?? -1) + 1
  received.forEach((image, index) => images.insert(user, entryId, image, next + index, now))
}

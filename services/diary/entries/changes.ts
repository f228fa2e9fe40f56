import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import type { DiaryConfig } from '../config.ts'
import { arrangeImages, receivedOf, wantedImages } from '../images/arrange.ts'
import type { ImageFiles } from '../images/files.ts'
import { placeFiles } from '../images/place.ts'
import type { ImageStore } from '../images/store.ts'
import { timestamp } from '#shared/timestamp.ts'
import { bare, currentEntry, type Shape } from './current.ts'
import type { EntryChange, EntryInput } from './schema.ts'
import type { EntryStore } from './store.ts'

export interface EntryParts {
  entries: EntryStore
  images: ImageStore
  files: ImageFiles
  writes: Writes
  config: DiaryConfig
}

/** Writes of entries together with their images: rows in one transaction, files before it and deletions after it. */
export function entryChanges({ entries, images, files, writes, config }: EntryParts) {
  /** What `images[]` asks for; the images that came with the request are the write's from here on. */
  function claimImages(request: FastifyRequest, urls: readonly string[]) {
    const wanted = wantedImages(urls, request.embedded, config.DIARY_MAX_IMAGES)
    const received = receivedOf(wanted)
    request.embedded?.take(received)
    return { wanted, received }
  }

  return {
    create(request: FastifyRequest, reply: FastifyReply, entry: EntryInput) {
      const user = userOf(request)
      const { wanted, received } = claimImages(request, entry.images ?? [])
      return placeFiles(files, request.log, received, (outcome) =>
        writes.answer(request, reply, user, () => {
          const id = randomUUID()
          const now = timestamp()
          if (!entries.insert(user, id, entry, now)) {
            throw new Problem('conflict', { detail: `There is an entry for ${entry.date} already` })
          }
          arrangeImages(images, user, id, wanted, now)
          outcome.placed = true
          return { status: 201, body: entries.byId(user, id) }
        }),
      )
    },

    change(request: FastifyRequest, reply: FastifyReply, id: string, change: EntryChange = {}, shape: Shape = bare) {
      const user = userOf(request)
      const urls = change.images ?? undefined
      const { wanted, received } = claimImages(request, urls ?? [])
      return placeFiles(files, request.log, received, (outcome) =>
        writes.answer(request, reply, user, () => {
          currentEntry(entries, request, user, id, shape)
          const now = timestamp()
          entries.update(user, id, change, now)
          if (urls !== undefined) outcome.dropped = arrangeImages(images, user, id, wanted, now)
          outcome.placed = true
          return { status: 200, body: shape(entries.byId(user, id) as string) }
        }),
      )
    },

    /** @param shape in which to answer the entry as it was; without one the answer is empty */
    remove(request: FastifyRequest, reply: FastifyReply, id: string, shape?: Shape) {
      const user = userOf(request)
      return placeFiles(files, request.log, [], (outcome) =>
        writes.answer(request, reply, user, () => {
          const document = currentEntry(entries, request, user, id, shape)
          outcome.dropped = images.ofEntry(user, id)
          entries.remove(user, id)
          return shape === undefined ? { status: 204 } : { status: 200, body: shape(document) }
        }),
      )
    },
  }
}

import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { createLogger } from '#shared/logger.ts'
import { until } from '#shared/test/until.ts'
import { dataUrl, diary, GIF, PNG, storedFiles, written } from '../test/diary.ts'
import { createImageFiles } from './files.ts'
import { imageReceiver } from './receive.ts'
import { sweepImages } from './sweep.ts'

const ORPHAN = 'ab345678-0000-4000-8000-000000000000'

/** What crashes leave: an upload that never ended, a file whose row was never committed, and something foreign. */
async function litter(dataDir: string): Promise<void> {
  const root = path.join(dataDir, 'diary-images')
  for (const folder of ['tmp', 'ab']) await mkdir(path.join(root, folder), { recursive: true })
  await writeFile(path.join(root, 'tmp', ORPHAN), 'half')
  await writeFile(path.join(root, 'ab', `${ORPHAN}.png`), PNG)
  await writeFile(path.join(root, 'ab', 'notes.txt'), 'x')
}

t.test('leftovers are swept after the start, images of entries stay', async (t) => {
  const first = await diary(t)
  const { images } = await written(first.app, { images: [dataUrl(PNG), dataUrl(GIF)] })
  await first.close()
  await litter(first.dataDir)
  t.equal((await storedFiles(first.dataDir)).size, 5)
  const second = await diary(t, { DATA_DIR: first.dataDir, DRAIN_TIMEOUT_MS: '0' })
  await until('the leftovers to go', async () => (await storedFiles(first.dataDir)).size === 2)
  for (const url of images) t.equal((await second.app.inject({ url })).statusCode, 200)
})

t.test('a process that drains on the same folder is given its time first', async (t) => {
  const dataDir = t.testdir({})
  await litter(dataDir)
  const { close } = await diary(t, { DATA_DIR: dataDir, DRAIN_TIMEOUT_MS: '600000' })
  await close()
  t.equal((await storedFiles(dataDir)).size, 3, 'and a stop ends the wait')
})

t.test('what is being received is left alone, and a row without its file is reported', async (t) => {
  const dataDir = t.testdir({})
  const files = createImageFiles(dataDir)
  const logger = createLogger('diary', { LOG_LEVEL: 'fatal', LOG_MAX_BYTES: 1e6, LOG_MAX_FILES: 1 })
  await litter(dataDir)
  const receive = imageReceiver(files, 1e6)
  const coming = receive()
  await coming.write(PNG)
  const image = await coming.finish()
  const moved = receive()
  await moved.write(GIF)
  const placed = await moved.finish()
  await files.keep(placed)
  const lost = { id: 'cd345678-0000-4000-8000-000000000000', type: 'image/png' } as const
  const rows = (folder: string) => (folder === 'cd' ? [lost] : [])
  t.same(await sweepImages(files, rows, logger), { leftovers: 3, missing: 1 })
  t.equal((await storedFiles(dataDir)).size, 2)

  files.settle([placed])
  await files.discard(image.id)
  const withRow = (folder: string) => (placed.id.startsWith(folder) ? [placed] : [])
  t.same(await sweepImages(files, withRow, logger), { leftovers: 0, missing: 0 })
  t.equal((await storedFiles(dataDir)).size, 1)
  t.same(
    await sweepImages(
      files,
      () => [],
      logger,
      () => true,
    ),
    { leftovers: 0, missing: 0 },
    'stopped',
  )
  await rm(dataDir, { recursive: true })
  t.same(await sweepImages(files, () => [], logger), { leftovers: 0, missing: 0 }, 'no folder, nothing to do')
})

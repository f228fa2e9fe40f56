import { mkdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

/**
 * Runs test files one after the other in this process: what they all load is loaded, and compiled, once. Several of these share a list;
 * who makes the folder of a file runs it. The list is not in the arguments: they are part of the names of folders that tests make.
 */
const { SUITE_CLAIMS: claims = '', SUITE_FILES = '' } = process.env
const ROOT = path.join(import.meta.dirname, '..')

function isMine(file: string): boolean {
  try {
    mkdirSync(path.join(claims, file.replaceAll('/', ' ')))
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false
    throw error
  }
}

for (const file of SUITE_FILES.split('\n')) {
  if (!isMine(file)) continue
  const { total, skip } = t.counts
  await import(path.join(ROOT, file))
  // It waits in the queue for the file's own.
  await t.test(`that was ${file}`, async () => undefined)
  if (t.counts.total - 1 - total === t.counts.skip - skip) t.comment(`${file} is about the SQLite file`)
}

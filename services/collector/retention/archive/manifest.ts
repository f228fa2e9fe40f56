import Joi from 'joi'
import { readFile, writeFile } from 'node:fs/promises'
import { ARCHIVE_SUFFIX, finish, manifestOf, UNFINISHED } from './files.ts'

/** What an archive must be. It lies beside it, with `.manifest.json` instead of `.ndjson.gz`. */
export interface Manifest {
  format: 'najimban-collector-archive'
  /** 1: its lines are not signed. */
  version: 1 | 2
  tenantId: string
  /** Name of the archive, in the same folder. */
  file: string
  /** When it was written; milliseconds since 1970. */
  createdAt: number
  reports: number
  /** Times of its oldest and its newest report. */
  oldest: number
  newest: number
  /** Size of its lines, and their SHA-256. */
  contentBytes: number
  contentSha256: string
  /** Size of the file as it is, and its SHA-256. */
  bytes: number
  sha256: string
}

/** An archive that is not what its manifest says, or has none. */
export class DamagedArchive extends Error {
  override name = 'DamagedArchive'
}

const digest = () =>
  Joi.string()
    .pattern(/^[\da-f]{64}$/)
    .required()
const count = () => Joi.number().integer().min(0).required()

const manifestSchema = Joi.object<Manifest, true>({
  format: Joi.string().valid('najimban-collector-archive').required(),
  version: Joi.number().valid(1, 2).required(),
  tenantId: Joi.string().required(),
  file: Joi.string().required(),
  createdAt: count(),
  reports: count(),
  oldest: count(),
  newest: count(),
  contentBytes: count(),
  contentSha256: digest(),
  bytes: count(),
  sha256: digest(),
}).prefs({ convert: false })

/** @throws DamagedArchive for a name that is no archive's */
export function manifestFile(archive: string): string {
  if (!archive.endsWith(ARCHIVE_SUFFIX)) throw new DamagedArchive(`its name does not end in ${ARCHIVE_SUFFIX}`)
  return manifestOf(archive)
}

/** Writes the manifest of an archive that is on disk; afterwards it is on disk, too. */
export async function writeManifest(archive: string, manifest: Manifest): Promise<void> {
  const file = manifestFile(archive)
  await writeFile(file + UNFINISHED, `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600, flush: true })
  await finish(file + UNFINISHED, file)
}

/** @throws DamagedArchive when there is none or it is not one */
export async function readManifest(archive: string): Promise<Manifest> {
  const file = manifestFile(archive)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new DamagedArchive(`its manifest ${file} cannot be read`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DamagedArchive(`its manifest ${file} is not JSON`)
  }
  const checked = manifestSchema.validate(value)
  if (checked.error !== undefined) throw new DamagedArchive(`its manifest: ${checked.error.message}`)
  return checked.value
}

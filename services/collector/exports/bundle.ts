import type { Language } from '#shared/language.ts'
import { hash } from 'node:crypto'
import type { StoredReport } from '../reports/store.ts'
import type { Signer } from './keys/keys.ts'
import { markdownOf } from './page/markdown.ts'
import { zipParts } from './zip/write.ts'

export interface BundleFile {
  name: string
  content: Buffer
  /** SHA-256, hexadecimal. */
  checksum: string
}

export interface Bundle {
  keyId: string
  files: BundleFile[]
  /** The zip of them, in pieces. */
  zip: Buffer[]
  zipSize: number
}

export interface BundleMeta {
  reportId: string
  files: { name: string; size: number; checksum: string }[]
  totalFiles: number
  totalSize: number
  estimatedZipSize: number
  checksums: Record<string, string>
  keyId: string
  createdAt: number
  updatedAt: number
}

/** What `bundle_meta.json` calls this kind of bundle, for those who verify it. */
export const BUNDLE_FORMAT = 'najimban-bundle/1'
export const CHECKSUMS = 'checksums.txt'
export const SIGNATURE = 'checksums.txt.sig'

export function file(name: string, content: Buffer): BundleFile {
  return { name, content, checksum: hash('sha256', content) }
}

const describe = ({ name, content, checksum }: BundleFile) => ({ name, size: content.length, checksum })

/** In the format of sha256sum, so that `sha256sum -c checksums.txt` verifies what was unpacked. */
export const checksumsOf = (files: readonly { name: string; checksum: string }[]): Buffer =>
  Buffer.from(files.map(({ name, checksum }) => `${checksum}  ${name}\n`).join(''))

/** The report's page: what was sent with it, or else one that is made of it. */
export const markdownFor = ({ id, report, markdown }: StoredReport, language: Language): Buffer =>
  Buffer.from(markdown ?? markdownOf(id, JSON.parse(report) as Record<string, unknown>, language))

/**
 * The bundle of a report. The same report always gives the same bytes: nothing in it tells of the time at which it was made,
 * and its key is the one of the report's own time.
 */
export function bundleOf(report: StoredReport, language: Language, { keyId, sign }: Signer): Bundle {
  const { id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown } = report
  const contents = [
    file('qc_report.json', Buffer.from(report.report)),
    file('qc_report.md', markdownFor(report, language)),
  ]
  const known = { format: BUNDLE_FORMAT, reportId: id, tenantId, createdAt, updatedAt, severity, policyVersion }
  const page = markdown === null ? { language } : {}
  const described = { ...known, ...page, keyId, files: contents.map(describe) }
  const listed = [...contents, file('bundle_meta.json', Buffer.from(JSON.stringify(described, null, 2)))]
  const sums = checksumsOf(listed)
  const files = [...listed, file(CHECKSUMS, sums), file(SIGNATURE, sign(sums))]
  const zip = zipParts(files, createdAt)
  return { keyId, files, zip, zipSize: zip.reduce((sum, { length }) => sum + length, 0) }
}

/** What is in a bundle. The size of the zip is exact, though called an estimate. */
export function bundleMeta({ id, createdAt, updatedAt }: StoredReport, { keyId, files, zipSize }: Bundle): BundleMeta {
  return {
    reportId: id,
    files: files.map(describe),
    totalFiles: files.length,
    totalSize: files.reduce((sum, { content }) => sum + content.length, 0),
    estimatedZipSize: zipSize,
    checksums: Object.fromEntries(files.map(({ name, checksum }) => [name, checksum])),
    keyId,
    createdAt,
    updatedAt,
  }
}

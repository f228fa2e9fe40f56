import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import type { StoredReport } from '../reports/store.ts'
import { markdownOf } from './markdown.ts'

export interface BundleFile {
  name: string
  content: Buffer
  /** SHA-256, hexadecimal. */
  checksum: string
}

export interface BundleMeta {
  reportId: string
  files: { name: string; size: number; checksum: string }[]
  totalFiles: number
  totalSize: number
  estimatedZipSize: number
  checksums: Record<string, string>
  createdAt: number
  updatedAt: number
}

function file(name: string, text: string): BundleFile {
  const content = Buffer.from(text)
  return { name, content, checksum: hash('sha256', content) }
}

const describe = ({ name, content, checksum }: BundleFile) => ({ name, size: content.length, checksum })

/** The files of a report's bundle, in their order; the same report always gives the same bytes. */
export function bundleFiles(report: Omit<StoredReport, 'errors'>): BundleFile[] {
  const { id, tenantId, createdAt, updatedAt, severity, policyVersion } = report
  const json = file('qc_report.json', report.report)
  const text = report.markdown ?? markdownOf(id, JSON.parse(report.report) as Record<string, unknown>)
  const markdown = file('qc_report.md', text)
  const known = { reportId: id, tenantId, createdAt, updatedAt, severity, policyVersion }
  const meta = file('bundle_meta.json', JSON.stringify({ ...known, files: [json, markdown].map(describe) }, null, 2))
  // In the format of sha256sum, so that `sha256sum -c checksums.txt` verifies an unpacked bundle.
  const sums = [json, markdown, meta].map(({ name, checksum }) => `${checksum}  ${name}\n`).join('')
  return [json, markdown, meta, file('checksums.txt', sums)]
}

/** The moment as a Date whose local fields are those of UTC: zip's DOS times are local, and would differ by server. */
const dosTime = (ms: number): Date =>
  new Date(
    Temporal.Instant.fromEpochMilliseconds(ms)
      .toZonedDateTimeISO('UTC')
      .toPlainDateTime()
      .toZonedDateTime(Temporal.Now.timeZoneId()).epochMilliseconds,
  )

/** A stream of the zip of these files; all of them bear the time `createdAt` (milliseconds since 1970). */
export function zipStream(files: readonly BundleFile[], createdAt: number): Readable {
  const zip = new ZipFile()
  const options = { mtime: dosTime(createdAt), mode: 0o100644, forceDosTimestamp: true }
  const output = zip.outputStream as Readable
  zip.on('error', (error) => output.destroy(error as Error))
  for (const { name, content } of files) zip.addBuffer(content, name, options)
  zip.end()
  return output
}

/** What is in the bundle of a report. The size of the zip is found by making it: it is exact, though called an estimate. */
export async function bundleMeta(report: StoredReport): Promise<BundleMeta> {
  const files = bundleFiles(report)
  let zipSize = 0
  for await (const part of zipStream(files, report.createdAt)) zipSize += (part as Buffer).length
  return {
    reportId: report.id,
    files: files.map(describe),
    totalFiles: files.length,
    totalSize: files.reduce((sum, { content }) => sum + content.length, 0),
    estimatedZipSize: zipSize,
    checksums: Object.fromEntries(files.map(({ name, checksum }) => [name, checksum])),
    createdAt: report.createdAt,
    updatedAt: report.updatedAt,
  }
}

import type { Language } from '#shared/language.ts'
import type { Tenant } from '#shared/scope.ts'
import { representation } from '../../reports/representation.ts'
import type { ScannedReport } from '../../reports/store.ts'
import { CHECKSUMS, checksumsOf, file, markdownFor, SIGNATURE, type BundleFile } from '../bundle.ts'
import type { Signer } from '../keys/keys.ts'
import { createZipWriter } from '../zip/write.ts'
import type { Wanted } from './pages.ts'
import { openSpool } from './spool.ts'

/** What `export_meta.json` calls this kind of zip, for those who verify it. */
export const EXPORT_FORMAT = 'najimban-export/1'

interface ZipOptions {
  tenant: Tenant
  wanted: Wanted
  language: Language
  signer: Signer
  /** Reports in one folder. */
  folderSize: number
  /** Where what cannot be kept in memory lies meanwhile. */
  dataDir: string
}

type Listed = Pick<BundleFile, 'name' | 'checksum'>

const FOLDER_DIGITS = 5

/**
 * A zip of many reports: folders of `<id>.json` and `<id>.md` with a list of checksums in each, and at the top a list of those,
 * which is signed. So no list grows with the export, and the directory of the zip waits on disk. The same reports give the
 * same bytes.
 */
export async function* zipOf(pages: AsyncIterable<ScannedReport[]>, options: ZipOptions): AsyncGenerator<Buffer[]> {
  const { tenant, wanted, language, signer, folderSize, dataDir } = options
  const spool = await openSpool(dataDir)
  try {
    const zip = createZipWriter(wanted.to, spool.add)
    const top: Listed[] = []
    let inside: Listed[] = []
    let [reports, folders] = [0, 0]
    const folder = () => String(folders).padStart(FOLDER_DIGITS, '0')

    function put(where: string, one: BundleFile, list: Listed[]): Buffer[] {
      list.push({ name: where + one.name, checksum: one.checksum })
      return zip.add({ name: where + one.name, content: one.content })
    }

    function add(report: ScannedReport): Buffer[] {
      if (inside.length === 0) folders += 1
      reports += 1
      const files = [
        file(`${report.id}.json`, Buffer.from(representation(report))),
        file(`${report.id}.md`, markdownFor(report, language)),
      ]
      const pieces = files.flatMap((one) => {
        inside.push(one)
        return zip.add({ name: `${folder()}/${one.name}`, content: one.content })
      })
      return inside.length < 2 * folderSize ? pieces : [...pieces, ...closeFolder()]
    }

    function closeFolder(): Buffer[] {
      if (inside.length === 0) return []
      const list = file(CHECKSUMS, checksumsOf(inside))
      inside = []
      return put(`${folder()}/`, list, top)
    }

    for await (const page of pages) {
      yield page.flatMap(add)
      await spool.relieve()
    }
    yield closeFolder()
    const { from, to, severity, state } = wanted
    const said = { format: EXPORT_FORMAT, tenantId: tenant, from, to, severity, state, language, reports, folders }
    const meta = file('export_meta.json', Buffer.from(JSON.stringify({ ...said, keyId: signer.keyId }, null, 2)))
    const described = put('', meta, top)
    const sums = checksumsOf(top)
    const signed = [
      { name: CHECKSUMS, content: sums },
      { name: SIGNATURE, content: signer.sign(sums) },
    ]
    yield [...described, ...signed.flatMap((one) => zip.add(one))]
    yield* spool.read()
    yield [zip.end()]
  } finally {
    await spool.close()
  }
}

import type { Test } from 'tap'
import { promisify } from 'node:util'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { collector } from '../../test/collector.ts'

export interface Signed {
  id: string
  token: string
  url: string
  bundleUrl: string
  issuedAt: number
  expiresAt: number
}

export interface History {
  history: {
    id: string
    purpose: string
    singleUse: boolean
    tokenPreview: string
    requestedBy: string
    issuedAt: number
    createdAt: number
    expiresAt: number
    usedAt?: number
    revokedAt?: number
  }[]
  count: number
  nextCursor?: string
}

/** The entries of a zip, as an independent reader finds them. */
export async function unzip(bytes: Buffer): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {}
  const zip = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(bytes, { lazyEntries: true })
  const open = promisify(zip.openReadStream.bind(zip)) as (entry: yauzl.Entry) => Promise<NodeJS.ReadableStream>
  return new Promise((resolve, reject) => {
    zip.on('entry', (entry: yauzl.Entry) => {
      open(entry)
        .then(buffer)
        .then((content) => {
          found[entry.fileName] = content
          zip.readEntry()
        }, reject)
    })
    zip.on('error', reject)
    zip.on('end', () => resolve(found))
    zip.readEntry()
  })
}

/** A collector whose reports are signed. */
export async function signing(test: Test, env: Record<string, string> = {}) {
  const service = await collector(test, env)
  const sign = async (id: string, headers: Record<string, string> = {}, payload?: object) => {
    const answer = await service.ask(`/reports/${id}/sign`, { method: 'POST', headers, payload })
    test.equal(answer.statusCode, 200, answer.body)
    return answer.json<Signed>()
  }
  const history = async (id: string, query = '') =>
    (await service.ask(`/reports/${id}/sign-history${query}`)).json<History>()
  /** What a link leads to, and nothing but the link is sent. */
  const open = (url: string, headers: Record<string, string> = {}) => service.app.inject({ url, headers })
  return { ...service, sign, history, open }
}

import { closeSync, fstatSync, openSync } from 'node:fs'
import { createHash, verify, type KeyObject } from 'node:crypto'
import { BUNDLE_FORMAT, CHECKSUMS, SIGNATURE } from '../bundle.ts'
import { EXPORT_FORMAT } from '../many/zip.ts'
import { keyIdOf } from './keys.ts'
import { dosTime } from '../zip/format.ts'
import { readZip, ZipRefused, type ReadFile } from '../zip/read.ts'

export interface VerifiedFile {
  name: string
  size: number
  /** SHA-256, hexadecimal. */
  checksum: string
}

/** What was found out about a bundle; it is good when there are no faults. */
export interface Verification {
  faults: string[]
  /** How many files it has, and those at the top of it. */
  count: number
  files: VerifiedFile[]
  /** What it says of itself; only to be believed without faults. */
  keyId?: string
  tenantId?: string
  /** Of the bundle of one report. */
  reportId?: string
  /** Of an export of many. */
  reports?: number
}

interface Meta {
  format?: unknown
  tenantId?: unknown
  reportId?: unknown
  reports?: unknown
  keyId?: unknown
  createdAt?: unknown
  to?: unknown
}

/** Files at the top, or in one folder of numbers: nothing that could leave the folder that it is unpacked in. */
const NAME = /^(?:(?<folder>\d{5,10})\/)?(?<base>[A-Za-z0-9][\w.-]*)$/
/** More of them help nobody. */
const FAULTS_MAX = 100
/** Larger texts than the collector writes are not read: a list of the files of a folder, or what the bundle says of itself. */
const TEXT_MAX = 16 * 1024 * 1024
const META = /^(?:bundle|export)_meta\.json$/

/** A fault that ends the reading. */
class Refused extends Error {}

/** The content of a small file, and its checksum. */
function read({ name, size, pieces }: ReadFile, isKept: boolean): { checksum: string; content: Buffer } {
  if (isKept && size > TEXT_MAX) throw new Refused(`${name} is too large`)
  const sum = createHash('sha256')
  const kept: Buffer[] = []
  for (const piece of pieces()) {
    sum.update(piece)
    if (isKept) kept.push(Buffer.from(piece))
  }
  return { checksum: sum.digest('hex'), content: Buffer.concat(kept) }
}

/** In which way a list does not name exactly these files with their checksums. */
function* listFaults(list: string, files: ReadonlyMap<string, string>, where: string): Generator<string> {
  const listed = new Map<string, string>()
  for (const line of list.split('\n').slice(0, -1)) {
    const [, checksum, name] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? []
    if (checksum === undefined || name === undefined || listed.has(name))
      return yield `${where}${CHECKSUMS} is no list of files`
    listed.set(name, checksum)
  }
  for (const [name, checksum] of files) {
    const said = listed.get(name)
    if (said === undefined) yield `${where}${name} is not in ${where}${CHECKSUMS}`
    else if (said !== checksum) yield `${where}${name} was changed: its SHA-256 is not the one in ${where}${CHECKSUMS}`
  }
  for (const name of listed.keys()) if (!files.has(name)) yield `${where}${name} is missing`
}

/** Goes through the files of the zip, in their order, and remembers only what is still needed of them. */
function createCheck(keys: readonly KeyObject[]) {
  const found: Verification = { faults: [], count: 0, files: [] }
  /** Names and checksums at the top, and in the folder that is under way. */
  const top = new Map<string, string>()
  let inside = new Map<string, string>()
  /** Whether that folder has had its list. */
  let isListed = false
  let folder = ''
  let last = 0
  let time: number | undefined
  const texts = new Map<string, Buffer>()

  function fault(text: string): void {
    const { faults } = found
    if (faults.length < FAULTS_MAX) faults.push(text)
    else faults[FAULTS_MAX] = 'there are more faults than these'
  }

  function enter(next: string): void {
    if (next === folder) return
    if (folder !== '' && !isListed) fault(`the folder ${folder} has no ${CHECKSUMS}`)
    if (next !== '' && Number(next) <= last) throw new Refused(`the folder ${next} is not in its place`)
    folder = next
    if (next !== '') last = Number(next)
    inside = new Map()
    isListed = false
  }

  function take(file: ReadFile): void {
    const { folder: at = '', base = '' } = NAME.exec(file.name)?.groups ?? {}
    if (base === '') throw new Refused(`${JSON.stringify(file.name)} is no name of a file in a bundle`)
    if (texts.has(SIGNATURE)) throw new Refused(`${file.name} comes after the signature`)
    time ??= file.time
    if (file.time !== time) fault(`${file.name} has another time than the files before it`)
    enter(at)
    const names = at === '' ? top : inside
    if (at === '' ? texts.has(CHECKSUMS) && base !== SIGNATURE : isListed) {
      throw new Refused(`${file.name} comes after ${at === '' ? '' : `${at}/`}${CHECKSUMS}`)
    }
    if (names.has(base)) throw new Refused(`${file.name} is there twice`)
    const isText = base === CHECKSUMS || (at === '' && (base === SIGNATURE || META.test(base)))
    const { checksum, content } = read(file, isText)
    found.count += 1
    if (at === '') found.files.push({ name: base, size: file.size, checksum })
    if (base === CHECKSUMS) {
      const where = at === '' ? '' : `${at}/`
      for (const one of listFaults(content.toString('latin1'), names, where)) fault(one)
      if (at !== '') top.set(`${at}/${CHECKSUMS}`, checksum)
      inside = new Map()
      isListed = true
    } else names.set(base, checksum)
    if (at === '' && isText) texts.set(base, content)
  }

  function signatureFault(keyId: unknown): string | undefined {
    const [sums, signature] = [texts.get(CHECKSUMS), texts.get(SIGNATURE)]
    if (sums === undefined) return `${CHECKSUMS} is missing`
    if (signature === undefined) return `the signature, ${SIGNATURE}, is missing`
    const key = keys.find((one) => keyIdOf(one) === keyId)
    if (key === undefined) return `it is signed with the key ${JSON.stringify(keyId)}, which is none of the given ones`
    return verify(null, sums, key, signature) ? undefined : `the signature is not that of the key ${String(keyId)}`
  }

  function metaOf(): Meta {
    const text = texts.get('bundle_meta.json') ?? texts.get('export_meta.json')
    try {
      return JSON.parse(String(text)) as Meta
    } catch {
      return {}
    }
  }

  function end(): Verification {
    enter('')
    const meta = metaOf()
    const { format, keyId, tenantId, reportId, reports } = meta
    const isOne = format === BUNDLE_FORMAT
    if (!isOne && format !== EXPORT_FORMAT) fault('it does not say what kind of bundle it is')
    const moment = isOne ? meta.createdAt : meta.to
    if (typeof moment === 'number' && Number.isSafeInteger(moment) && time !== dosTime(moment)) {
      fault('the time of the files is not that of the bundle')
    }
    const bad = signatureFault(keyId)
    if (bad !== undefined) fault(bad)
    return {
      ...found,
      ...(typeof keyId === 'string' ? { keyId } : {}),
      ...(typeof tenantId === 'string' ? { tenantId } : {}),
      ...(typeof reportId === 'string' ? { reportId } : {}),
      ...(typeof reports === 'number' ? { reports } : {}),
    }
  }

  return { take, end, fault, found }
}

/**
 * Checks a bundle of one report or an export of many: that every byte is in its place, that the checksums are those of the files
 * and name each of them, and that one of the keys has signed them. Needs no service and no network; memory does not grow with it.
 * @param keys Ed25519 public keys
 * @throws Error when the file cannot be read
 */
export function verifyBundle(file: string, keys: readonly KeyObject[]): Verification {
  const fd = openSync(file, 'r')
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Error(`${file} is no file`)
    const check = createCheck(keys)
    try {
      for (const one of readZip(fd, stat.size)) check.take(one)
    } catch (error) {
      if (!(error instanceof ZipRefused || error instanceof Refused)) throw error
      check.fault(error.message)
      return check.found
    }
    return check.end()
  } finally {
    closeSync(fd)
  }
}

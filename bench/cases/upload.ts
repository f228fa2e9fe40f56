import path from 'node:path'
import { measure, type Figures, type Subject } from '../lab/rounds.ts'
import { peakRssMb } from '../lab/usage.ts'
import type { Lab } from '../subjects/lab.ts'
import { freePorts, settingsOf, startOurs } from '../subjects/ours.ts'

export const UPLOAD_WAVE = 'uploads of 50 MB, 20 at once'

const FILES = 20
const BYTES = 50 * 1024 * 1024

async function newEntry(url: string, index: number): Promise<string> {
  const response = await fetch(`${url}/api/diaries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ date: `2026-10-${String(index + 1).padStart(2, '0')}`, content: '사진' }),
  })
  if (response.status !== 201) throw new Error(`no entry for the upload: ${response.status} ${await response.text()}`)
  return ((await response.json()) as { id: string }).id
}

/**
 * What the gateway and the diary each hold in memory while twenty photos come in at once and are put on the disk. CPU
 * and rate are of both together.
 */
export async function uploadCase(lab: Lab): Promise<Record<string, Figures[]>> {
  const ports = await freePorts()
  const env = settingsOf(ports, path.join(lab.folder, `upload-${ports.gateway}`))
  const { pids, parent } = await startOurs(lab, ['diary', 'gateway'], { ports, env })
  const url = `http://127.0.0.1:${ports.gateway}`
  const paths: string[] = []
  for (let index = 0; index < FILES; index++) paths.push(`/api/diaries/${await newEntry(url, index)}/images`)
  const wave: Subject = {
    name: '',
    url,
    pids: Object.values(pids),
    request: { path: '' },
    upload: { paths, bytes: BYTES },
  }
  const [both] = (await measure(lab.load, [wave], { rounds: 1, seconds: 0, connections: FILES, warmup: 0 })) as [
    Figures,
  ]
  const figures = (['gateway', 'diary'] as const).map((name) => ({
    ...both,
    subject: name,
    rssMb: peakRssMb(pids[name] as number),
  }))
  await parent.stop()
  return { [UPLOAD_WAVE]: figures }
}

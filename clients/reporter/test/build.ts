import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

export const HERE = path.join(import.meta.dirname, '..')
export const TSC = path.join(HERE, '../../node_modules/typescript/bin/tsc')

/** The package as it is published, in that folder. */
export async function build(folder: string): Promise<void> {
  await promisify(execFile)(process.execPath, [TSC, '-p', path.join(HERE, 'tsconfig.json'), '--outDir', folder])
}

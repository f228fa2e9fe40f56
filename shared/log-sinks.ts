import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { LogSink } from './log-output.ts'

const LINE_END = 10
const STDOUT = 1

/** Standard output. A pipe whose reader is slow makes nobody wait: it takes what fits and the rest later. */
export function stdoutSink(): LogSink {
  // Node makes a pipe non-blocking when it first looks at it.
  void process.stdout.isTTY
  return {
    write(lines) {
      let offset = 0
      try {
        while (offset < lines.length) offset += writeSync(STDOUT, lines, offset)
      } catch (error) {
        // Any other fault than a full pipe means that there is nobody left to tell.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return lines.length
      }
      return offset
    },
  }
}

/**
 * A file in `folder` that becomes `<name>1.log`, `<name>2.log` and so on when it is full; the newest is `<name>.log`.
 * @param maxBytes size of one file; only a single longer line exceeds it
 * @param maxFiles files kept, the newest among them
 */
export function fileSink(folder: string, name: string, maxBytes: number, maxFiles: number): LogSink {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const fileOf = (age: number) => path.join(folder, `${name}${age === 0 ? '' : age}.log`)
  let file = openSync(fileOf(0), 'a', 0o600)
  let size = fstatSync(file).size

  function rotate(): void {
    closeSync(file)
    for (let age = maxFiles - 1; age > 0; age--) {
      try {
        renameSync(fileOf(age - 1), fileOf(age))
      } catch {
        // there are not that many yet
      }
    }
    file = openSync(fileOf(0), maxFiles === 1 ? 'w' : 'a', 0o600)
    size = 0
  }

  /** Where the lines that still fit end. */
  function fitting(lines: Buffer, from: number): number {
    if (size + lines.length - from <= maxBytes) return lines.length
    const end = maxBytes > size ? lines.lastIndexOf(LINE_END, from + maxBytes - size - 1) + 1 : 0
    return Math.max(from, end)
  }

  return {
    write(lines) {
      let offset = 0
      try {
        while (offset < lines.length) {
          let end = fitting(lines, offset)
          if (end === offset && size > 0) {
            rotate()
            continue
          }
          if (end === offset) end = lines.indexOf(LINE_END, offset) + 1
          size += writeSync(file, lines, offset, end - offset)
          offset = end
        }
      } catch {
        // A full disk: the service matters more than its log, and standard output has the lines too.
      }
      return lines.length
    },
  }
}

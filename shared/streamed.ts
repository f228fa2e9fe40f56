const COLLECT_EVERY_BYTES = 8 * 1024 * 1024

let streamed = 0

/**
 * Counts bytes that passed through this process in buffers that are garbage by now. V8 sees only their small handles and
 * lets 60 MB and more of them pile up; a minor collection (about a millisecond) every 8 MiB keeps uploads and downloads flat.
 * Does nothing when the process was started without `--expose-gc`.
 */
export function countStreamed(bytes: number): void {
  streamed += bytes
  if (streamed < COLLECT_EVERY_BYTES) return
  streamed = 0
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
}

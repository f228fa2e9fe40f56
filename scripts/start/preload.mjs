// Plain JavaScript, because an older Node cannot read the TypeScript that would tell it so.
import module from 'node:module'
import path from 'node:path'

const REQUIRED = 26
if (Number(process.versions.node.split('.')[0]) < REQUIRED) {
  process.stderr.write(
    `This needs Node ${REQUIRED}, and ${process.execPath} is ${process.version}. ` +
      'Run `npm ci` without --omit=optional (it brings the right Node along), or install Node 26.\n',
  )
  process.exit(1)
}

// Keeps compiled code and stripped types from one start to the next: every process starts faster and 30 MB smaller.
if (process.env.NODE_V8_COVERAGE === undefined) {
  process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'najimban')
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
}

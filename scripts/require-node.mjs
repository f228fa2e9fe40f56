// Plain JavaScript, because an older Node cannot read the TypeScript that would tell it so.
const REQUIRED = 26
if (Number(process.versions.node.split('.')[0]) < REQUIRED) {
  process.stderr.write(
    `This needs Node ${REQUIRED}, and ${process.execPath} is ${process.version}. ` +
      'Run `npm ci` without --omit=optional (it brings the right Node along), or install Node 26.\n',
  )
  process.exit(1)
}

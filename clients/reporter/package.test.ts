import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { build, HERE, TSC } from './test/build.ts'
import { localServer, singleCollector } from './test/servers.ts'

const run = promisify(execFile)
const manifest = JSON.parse(readFileSync(path.join(HERE, 'package.json'), 'utf8')) as {
  exports: Record<string, Record<string, string>>
  bin: Record<string, string>
  [member: string]: unknown
}

const STRICT = {
  strict: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
  target: 'es2022',
  lib: ['es2022', 'dom'],
  types: [],
  noEmitOnError: true,
}

t.setTimeout(120_000)

t.test('the core needs nothing of Node', async () => {
  await run(process.execPath, [TSC, '-p', path.join(HERE, 'tsconfig.core.json')])
})

t.test('it depends on nothing and has no side effects', async (t) => {
  t.match(manifest, { license: 'MIT', sideEffects: false, type: 'module' })
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies']) t.notOk(kind in manifest)
})

t.test('built and installed it works as its README says', async (t) => {
  const app = t.testdir({ 'package.json': '{"type":"module"}' })
  const installed = path.join(app, 'node_modules/@najimban/reporter')
  await mkdir(installed, { recursive: true })
  await build(path.join(installed, 'dist'))
  await cp(path.join(HERE, 'package.json'), path.join(installed, 'package.json'))

  t.test('every export leads to code and types', async (t) => {
    for (const [name, targets] of Object.entries(manifest.exports)) {
      for (const target of Object.values(targets))
        t.ok(readFileSync(path.join(installed, target)), `${name}: ${target}`)
    }
  })

  t.test('a program with it type-checks and runs', async (t) => {
    const { url, got } = await localServer(t, singleCollector())
    const program = `
      import { createReporter, webStorage, appSignals, type QcReport, type Reporter } from '@najimban/reporter'
      import { fileStorage } from '@najimban/reporter/file-storage'
      import { fromJunit } from '@najimban/reporter/junit'
      import { fromPolicyReport } from '@najimban/reporter/policy-report'
      import { fromSarif } from '@najimban/reporter/sarif'
      const reporter: Reporter = createReporter({ url: '${url}', tenant: 'a', key: 'k', storage: fileStorage('queue') })
      const report: QcReport = { status: { api: 'pass' }, policy: { evaluations: [{ rule: 'r', result: 'x', severity: 'warn' }] } }
      const added = await reporter.report(report)
      if (added.accepted) console.log(added.id.length > 0)
      for (const each of fromJunit('<testsuite name="s"><testcase name="t"/></testsuite>')) await reporter.report(each)
      console.log((await reporter.flush()).waiting, [webStorage, appSignals, fromSarif, fromPolicyReport].length)
      reporter.close()
    `
    await writeFile(path.join(app, 'program.ts'), program)
    for (const [module, moduleResolution] of [
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ]) {
      // Types of the browser are enough; console and fetch are in there.
      const compilerOptions = { ...STRICT, module, moduleResolution }
      await writeFile(path.join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
      await run(process.execPath, [TSC, '-p', app])
    }
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: app })
    t.equal(stdout, 'true\n0 4\n')
    t.same(
      got
        .filter(({ path: to }) => to === '/ingest/qc')
        .map(({ body }) => (JSON.parse(body) as { status: object }).status),
      [{ api: 'pass' }, { tests: 'pass' }],
    )
  })

  t.test('its command line says how it is used', async (t) => {
    const { stdout } = await run(process.execPath, [
      path.join(installed, manifest.bin['najimban-report'] as string),
      '--help',
    ])
    t.match(stdout, 'NAJIMBAN_KEY')
  })
})

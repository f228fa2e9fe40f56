import type { Report } from './report.ts'
import type { Check, Run } from './run.ts'
import { problemText, TEXTS } from './texts.ts'
import { escapeXml } from './xml.ts'

const attributes = (values: Record<string, string | number>) =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')

function testcase(check: Check): string {
  const { target, name, problem, ms = 0 } = check
  const head = attributes({ name, classname: `health.${target}`, time: (ms / 1000).toFixed(4) })
  if (problem === undefined) return `    <testcase${head}/>`
  const message = problemText(TEXTS.en, problem)
  const numbers = Object.entries(problem.values).map(([key, value]) => `${key}=${value}`)
  const failure = attributes({ message: `${target} ${name}: ${message}`, type: problem.code })
  return [
    `    <testcase${head}>`,
    `      <failure${failure}>${escapeXml([message, ...numbers].join('\n'))}</failure>`,
    '    </testcase>',
  ].join('\n')
}

function suite(name: string, checks: readonly Check[], run: Run): string {
  const failures = checks.filter((check) => !check.ok).length
  const time = checks.reduce((sum, check) => sum + (check.ms ?? 0), 0) / 1000
  const head = { name, tests: checks.length, failures, errors: 0, time: time.toFixed(4), timestamp: run.started_at }
  return [`  <testsuite${attributes(head)}>`, ...checks.map(testcase), '  </testsuite>'].join('\n')
}

/** JUnit XML: a test case for each check and each budget, so that CI shows by name what failed, with its numbers. */
export function junitReport({ run }: Pick<Report, 'run'>): string {
  const isBudget = (check: Check) => check.kind === 'budget'
  const suites = [
    ...run.targets.map(({ name, checks }) => [name, checks] as const),
    ['host', run.checks.filter((check) => !isBudget(check))] as const,
    ['load', run.checks.filter(isBudget)] as const,
  ].filter(([, checks]) => checks.length > 0)
  const all = suites.flatMap(([, checks]) => checks)
  const seconds = (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000
  const head = { name: 'najimban health', tests: all.length, failures: all.filter((check) => !check.ok).length }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ ...head, errors: 0, time: seconds.toFixed(3) })}>`,
    ...suites.map(([name, checks]) => suite(name, checks, run)),
    '</testsuites>',
    '',
  ].join('\n')
}

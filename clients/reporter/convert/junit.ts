import type { Evaluation, QcReport } from '../report.ts'
import {
  ConvertError,
  identity,
  messageText,
  reportsOf,
  targetOf,
  type ConvertOptions,
  type Findings,
} from './report-of.ts'
import { createXmlReader } from './xml.ts'

type Outcome = 'passed' | 'failed' | 'error' | 'skipped' | 'flaky'

const JUDGED = {
  passed: { verdict: 'pass', severity: 'info' },
  // It was not tested: neither good nor bad, and not the same as passed.
  skipped: { verdict: 'warn', severity: 'info' },
  flaky: { verdict: 'warn', severity: 'warn' },
  failed: { verdict: 'block', severity: 'block' },
  error: { verdict: 'block', severity: 'block' },
} as const satisfies Record<Outcome, Pick<Evaluation, 'verdict' | 'severity'>>

/** What the elements below a test mean. Surefire writes the last four when it runs a test again. */
const OUTCOME_OF: ReadonlyMap<string, Outcome> = new Map([
  ['failure', 'failed'],
  ['error', 'error'],
  ['skipped', 'skipped'],
  ['flakyFailure', 'flaky'],
  ['flakyError', 'flaky'],
])
const WORSE: readonly Outcome[] = ['passed', 'flaky', 'skipped', 'failed', 'error']

/** Of the text of a failure; the rest is a stack. */
const TEXT_LENGTH = 4000
const NAMES_LENGTH = 4

interface Place {
  name: string
  file: string
}

interface Test extends Place {
  classname: string
  line: number | undefined
  outcome: Outcome
  message: string
}

type Attributes = ReadonlyMap<string, string>

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined

/** What Go puts around the lines of a test. */
const FRAME = /^(=== |--- (FAIL|SKIP|PASS))/
/** What says no more than that it failed. */
const SAYS_NOTHING = /^(failed|failure|error)?$/i

const firstLine = (text: string): string =>
  text
    .split(/\r\n|[\r\n]/)
    .map((line) => line.trim())
    .find((line) => line !== '' && !FRAME.test(line)) ?? ''

/** `class > name`, without saying twice what is in both. */
function ruleOf({ classname, name }: Test, suite: string, root: string | undefined): string {
  const group = targetOf(classname === '' ? suite : classname, root)
  if (group === '' || name === group || name.startsWith(`${group} `)) return name || group
  return name === '' ? group : `${group} > ${name}`
}

/** @returns undefined for what is no time: a report without one is a report, too */
function timeOf(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/.test(text)
    ? text
    : undefined
}

/**
 * Reads JUnit XML piece by piece, as Surefire, Gradle, pytest, Jest, Vitest, Playwright, gotestsum, ESLint and others write it.
 * One evaluation a test: its rule is the class and name, its target the file, or else the suite.
 */
export function createJunitReader(options: ConvertOptions = {}) {
  const evaluations: Evaluation[] = []
  const counts: Record<Outcome, number> = { passed: 0, failed: 0, error: 0, skipped: 0, flaky: 0 }
  const suites: Place[] = []
  const path: string[] = []
  let createdAt: string | undefined
  let title: string | undefined
  let test: Test | undefined
  /** The element whose text says what went wrong. */
  let told: { outcome: Outcome; depth: number; message: string; text: string } | undefined

  const suite = (): Place => suites.at(-1) ?? { name: '', file: '' }

  function beginTest(attributes: Attributes): Test {
    return {
      name: attributes.get('name') ?? '',
      classname: attributes.get('classname') ?? '',
      file: attributes.get('file') ?? suite().file,
      line: numberOf(attributes.get('line')),
      outcome: 'passed',
      message: '',
    }
  }

  function judge(one: Test, { outcome, message, text }: { outcome: Outcome; message: string; text: string }): void {
    if (WORSE.indexOf(outcome) <= WORSE.indexOf(one.outcome)) return
    one.outcome = outcome
    // An attribute has its line ends as spaces, so Go's frame is cut away where it begins a message.
    const said = firstLine(message.replace(/^=== RUN +\S+\s+/, ''))
    one.message = SAYS_NOTHING.test(said) ? firstLine(text) || said : said
  }

  function endTest(one: Test): void {
    counts[one.outcome]++
    const rule = identity(ruleOf(one, suite().name, options.root))
    const { line, outcome } = one
    const message = messageText(one.message || outcome)
    evaluations.push({
      rule_id: rule === '' ? 'unnamed test' : rule,
      target: targetOf(one.file || suite().name || one.classname, options.root),
      ...JUDGED[outcome],
      message: outcome === 'passed' ? '' : message,
      ...(line === undefined ? {} : { line }),
    })
  }

  function open(name: string, attributes: Attributes): void {
    if (path.length === 0 && name !== 'testsuites' && name !== 'testsuite') {
      throw new ConvertError(`not JUnit: the root element is <${name.slice(0, 60)}>`, xml.line())
    }
    path.push(name)
    if (name === 'testsuites') title ??= attributes.get('name')
    if (name === 'testsuite') {
      const file = attributes.get('file') ?? attributes.get('filepath') ?? suite().file
      suites.push({ name: attributes.get('name') ?? '', file })
      createdAt ??= timeOf(attributes.get('timestamp'))
    }
    if (name === 'testcase') test = beginTest(attributes)
    const outcome = OUTCOME_OF.get(name)
    if (outcome !== undefined && told === undefined) {
      told = {
        outcome,
        depth: path.length,
        message: attributes.get('message') ?? attributes.get('type') ?? '',
        text: '',
      }
    }
  }

  function close(name: string): void {
    if (told !== undefined && told.depth === path.length) {
      // Without a test around it the suite itself is at fault: it could not be set up.
      const own = test ?? { ...beginTest(new Map()), classname: suite().name, name: 'suite' }
      judge(own, told)
      if (test === undefined) endTest(own)
      told = undefined
    }
    path.pop()
    if (name === 'testcase' && test !== undefined) {
      endTest(test)
      test = undefined
    }
    if (name === 'testsuite') suites.pop()
  }

  const xml = createXmlReader({
    open,
    close,
    text: (text) => {
      if (told !== undefined && told.depth === path.length && told.text.length < TEXT_LENGTH) {
        told.text += text.slice(0, TEXT_LENGTH - told.text.length)
      }
    },
  })

  function found(): Findings {
    const names = evaluations.filter(({ severity }) => severity === 'block').map(({ rule_id }) => rule_id)
    const more = names.length > NAMES_LENGTH ? ` and ${names.length - NAMES_LENGTH} more` : ''
    return {
      source: 'junit',
      area: 'tests',
      evaluations,
      counts,
      ...(title === undefined || title === '' ? {} : { tool: identity(title) }),
      ...(createdAt === undefined ? {} : { createdAt }),
      ...(names.length === 0 ? {} : { notes: [`Failed: ${names.slice(0, NAMES_LENGTH).join(', ')}${more}`] }),
    }
  }

  return {
    /** @throws ConvertError with the line of what is wrong */
    write: (piece: string): void => xml.write(piece),
    /** @throws ConvertError when it is not whole */
    end(): QcReport[] {
      xml.end()
      return reportsOf(found(), options)
    },
  }
}

/** Reports of a whole JUnit XML text. @throws ConvertError with the line of what is wrong */
export function fromJunit(text: string, options: ConvertOptions = {}): QcReport[] {
  const reader = createJunitReader(options)
  reader.write(text)
  return reader.end()
}

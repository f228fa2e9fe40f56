import type { Evaluation, QcReport } from '../report.ts'
import { isObject, listOf, numberOf, objectOf, objectsOf, textOf, type Json } from './json.ts'
import { ConvertError, identity, messageText, reportsOf, targetOf, type ConvertOptions } from './report-of.ts'
import { messageOf, ruleOf, type Rule } from './sarif-rules.ts'

type Level = 'error' | 'warning' | 'note' | 'none'

const JUDGED = {
  error: { verdict: 'block', severity: 'block' },
  warning: { verdict: 'warn', severity: 'warn' },
  note: { verdict: 'warn', severity: 'info' },
  none: { verdict: 'pass', severity: 'info' },
} as const satisfies Record<Level, Pick<Evaluation, 'verdict' | 'severity'>>

const LEVELS = Object.keys(JUDGED) as Level[]
const levelOf = (value: unknown): Level | undefined => LEVELS.find((level) => level === value)

/** From here on GitHub's code scanning calls a `security-severity` (a CVSS score) high. */
const SECURITY_HIGH = 7
const SECURITY_MEDIUM = 4

/** What a CVSS score in the rule makes of the level: it can only be worse. */
function withSecurity(level: Level, { descriptor }: Rule): Level {
  const score = Number.parseFloat(String(objectOf(descriptor.properties)['security-severity'] ?? ''))
  if (score >= SECURITY_HIGH) return 'error'
  return score >= SECURITY_MEDIUM && level !== 'error' ? 'warning' : level
}

/** Section 3.27.10: the result's own level, or the rule's, or "warning"; what is not a failure has none. */
function ownLevel(result: Json, rule: Rule): Level {
  const kind = result.kind ?? 'fail'
  if (kind === 'open' || kind === 'review') return 'warning'
  if (kind !== 'fail') return 'none'
  const level = levelOf(result.level) ?? levelOf(objectOf(rule.descriptor.defaultConfiguration).level) ?? 'warning'
  return level === 'none' ? level : withSecurity(level, rule)
}

const accepted = (suppression: Json) => (suppression.status ?? 'accepted') === 'accepted'

/** Somebody has looked at it and let it pass, or it is gone since the baseline. */
function whyNot(result: Json): string | undefined {
  if (result.baselineState === 'absent') return 'Gone'
  const suppressions = objectsOf(result.suppressions)
  if (suppressions.length === 0 || !suppressions.every(accepted)) return undefined
  const reason = textOf(suppressions.find(({ justification }) => justification !== undefined)?.justification)
  return reason === '' ? 'Suppressed' : `Suppressed (${reason})`
}

/** The name of a file, without the escapes of a URI. */
function pathOf(uri: string): string {
  const path = uri.replace(/^file:\/\/(?:localhost)?(?=\/)/, '').replace(/^\/(?=[A-Za-z]:\/)/, '')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function placeOf(result: Json, run: Json): { target: string; line: number | undefined } {
  const location = objectOf(listOf(result.locations)[0])
  const physical = objectOf(location.physicalLocation)
  const artifact = objectOf(physical.artifactLocation)
  const index = numberOf(artifact.index)
  const listed = index === undefined ? {} : objectOf(objectOf(listOf(run.artifacts)[index]).location)
  const logical = objectOf(listOf(location.logicalLocations)[0])
  return {
    target:
      pathOf(textOf(artifact.uri) || textOf(listed.uri)) || textOf(logical.fullyQualifiedName) || textOf(logical.name),
    line: numberOf(objectOf(physical.region).startLine),
  }
}

function toolOf(run: Json): { name: string; version: string | undefined } {
  const driver = objectOf(objectOf(run.tool).driver)
  const name = textOf(driver.name) || 'unnamed tool'
  const version = textOf(driver.semanticVersion) || textOf(driver.version)
  return { name, version: version === '' ? undefined : `${name} ${version}` }
}

/** A run that did not end well has found less than there is. */
function failuresOf(run: Json): Evaluation[] {
  const { name } = toolOf(run)
  return objectsOf(run.invocations)
    .filter(({ executionSuccessful }) => executionSuccessful === false)
    .map((invocation) => {
      const notification = objectsOf(invocation.toolExecutionNotifications).find(({ level }) => level === 'error')
      const text = textOf(invocation.exitCodeDescription) || textOf(objectOf(notification?.message).text)
      const message = messageText(text || 'the tool did not finish')
      return { rule_id: identity(`${name}: execution`), target: '', ...JUDGED.error, message }
    })
}

/** Reports of a SARIF 2.1.0 log, all runs together. @throws ConvertError when it is none */
export function fromSarif(log: unknown, options: ConvertOptions = {}): QcReport[] {
  if (!isObject(log) || !Array.isArray(log.runs)) throw new ConvertError('not SARIF: there is no array `runs`')
  if (typeof log.version !== 'string' || !log.version.startsWith('2.1.')) {
    throw new ConvertError('not SARIF 2.1.0: `version` says something else')
  }
  const evaluations: Evaluation[] = []
  const counts = { error: 0, warning: 0, note: 0, none: 0, suppressed: 0 }
  const runs = objectsOf(log.runs)
  for (const run of runs) {
    for (const result of objectsOf(run.results)) {
      if (result.kind === 'notApplicable') continue
      const rule = ruleOf(result, objectOf(run.tool))
      const excuse = whyNot(result)
      const level = excuse === undefined ? ownLevel(result, rule) : 'none'
      const { target, line } = placeOf(result, run)
      const message = messageOf(result, rule)
      counts[excuse === undefined ? level : 'suppressed']++
      evaluations.push({
        rule_id: identity(rule.id),
        target: targetOf(target, options.root),
        ...JUDGED[level],
        message: messageText(excuse === undefined ? message : `${excuse}: ${message}`),
        ...(line === undefined ? {} : { line }),
      })
    }
    const failures = failuresOf(run)
    counts.error += failures.length
    evaluations.push(...failures)
  }
  const tools = [...new Set(runs.map((run) => toolOf(run).name))]
  const versions = [...new Set(runs.map((run) => toolOf(run).version).filter((version) => version !== undefined))]
  const ended = runs.flatMap((run) => objectsOf(run.invocations)).map(({ endTimeUtc }) => textOf(endTimeUtc))
  const createdAt = ended
    .filter((time) => time !== '')
    .sort()
    .at(-1)
  return reportsOf(
    {
      source: 'sarif',
      area: 'analysis',
      evaluations,
      counts,
      ...(tools.length === 0 ? {} : { tool: identity(tools.join(', ')) }),
      ...(createdAt === undefined ? {} : { createdAt }),
      ...(versions.length === 0 ? {} : { policyVersion: versions.join(', ') }),
    },
    options,
  )
}

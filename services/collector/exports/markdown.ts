type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const objectsOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isObject) : [])

/** A value as one line of Markdown text: what would be markup, HTML or a table's border is escaped. */
function line(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_~[\]<>|#&]/g, '\\$&')
}

const table = (heads: string[], rows: unknown[][]): string[] => [
  `| ${heads.join(' | ')} |`,
  `|${' --- |'.repeat(heads.length)}`,
  ...rows.map((row) => `| ${row.map(line).join(' | ')} |`),
]

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines]

const signed = (value: unknown) => (typeof value === 'number' ? `${value > 0 ? '+' : ''}${value}` : value)

function policyLines(policy: unknown): string[] {
  if (!isObject(policy)) return []
  const evaluations = objectsOf(policy.evaluations).map((one) => [
    one.rule_id ?? one.rule,
    one.target,
    one.verdict ?? one.result,
    one.severity,
    one.message,
  ])
  return [
    ...(policy.policy_version === undefined ? [] : [`Version: ${line(policy.policy_version)}`, '']),
    ...(evaluations.length === 0 ? [] : table(['Rule', 'Target', 'Verdict', 'Severity', 'Message'], evaluations)),
  ]
}

/** A page for people, made from any stored report: Status, Diff, Policy, Notes; a part that it has not is left out. */
export function markdownOf(id: string, report: Fields): string {
  const { status, diff, policy, notes } = report
  const states = isObject(status) ? Object.entries(status) : []
  const changes = isObject(diff) ? objectsOf(diff.summary) : []
  const remarks = Array.isArray(notes) ? notes : notes === undefined || notes === null ? [] : [notes]
  const lines = [
    `# Quality report ${line(id)}`,
    ...section('Status', states.length === 0 ? ['Nothing was checked.'] : table(['Check', 'Status'], states)),
    ...section(
      'Diff',
      changes.length === 0
        ? []
        : table(
            ['What', 'Trend', 'Change in %'],
            changes.map((change) => [change.id, change.trend, signed(change.deltaPct)]),
          ),
    ),
    ...section('Policy', policyLines(policy)),
    ...section(
      'Notes',
      remarks.map((note) => `- ${line(note)}`),
    ),
  ]
  return `${lines.join('\n')}\n`
}

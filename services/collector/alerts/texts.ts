import type { Language, Texts } from '#shared/language.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Facts } from './alert.ts'
import { durationText, spanText } from './duration.ts'
import type { Level } from './levels.ts'
import type { RuleKind } from './rules/schema.ts'

/** What a summary is made of. */
interface Summarized {
  kind: RuleKind
  facts: Facts
}

/** @param time the text of a duration among the facts; @param span the same as it stands after `the last` */
type Summary = (facts: Facts, time: (name: string) => string, span: (name: string) => string) => string

const HOUR_MS = 3_600_000
const OF = {
  ko: { requests: '요청', ingest: '리포트 수신' },
  en: { requests: 'requests', ingest: 'ingest' },
} as const
/** So many, in English. */
const counted = (count: unknown, one: string): string => `${String(count)} ${one}${count === 1 ? '' : 's'}`
const of = (language: Language, { of: what }: Facts): string => OF[language][what as 'requests']

const RESOURCES: Texts<Record<string, (facts: Facts) => string>> = {
  ko: {
    disk: ({ percent, limit, instance }) => `디스크 여유 ${percent}% (기준: ${limit}% 미만, ${instance})`,
    queue: ({ percent, limit, instance }) => `쓰기 대기열 ${percent}% 사용 (기준: ${limit}% 이상, ${instance})`,
    storage: ({ percent, limit, tenant }) => `테넌트 ${tenant} 저장 공간 ${percent}% 사용 (기준: ${limit}% 이상)`,
  },
  en: {
    disk: ({ percent, limit, instance }) => `${percent}% of the disk is free (limit: below ${limit}%, ${instance})`,
    queue: ({ percent, limit, instance }) => `the write queue is ${percent}% full (limit: ${limit}%, ${instance})`,
    storage: ({ percent, limit, tenant }) => `tenant ${tenant} has used ${percent}% of its storage (limit: ${limit}%)`,
  },
}

/** What each kind of alert says, by language. */
const SUMMARIES: Texts<Record<RuleKind, Summary>> = {
  ko: {
    block_findings: ({ count, before, least, percent }, time) =>
      `최근 ${time('windowMs')} BLOCK 발견 ${count}건, 그 전 ${time('windowMs')} ${before}건 (기준: ${least}건 이상${percent === 0 ? '' : `, ${percent}% 증가`})`,
    error_rate: (facts, time) =>
      `최근 ${time('windowMs')} ${of('ko', facts)} 오류율 ${facts.share}% (${facts.requests}건 중 ${facts.errors}건, 기준: ${facts.percent}%)`,
    latency: (facts, time) =>
      `최근 ${time('windowMs')} ${of('ko', facts)} p99 지연 ${facts.p99Ms}ms (${facts.requests}건, 기준: ${facts.limitMs}ms)`,
    capacity: (facts) => (RESOURCES.ko[facts.resource as string] as (facts: Facts) => string)(facts),
    database_lost: () => '데이터베이스에 접근할 수 없습니다. 리포트를 받지 못하고 있습니다.',
    rate_limited: ({ quota, count }, time) =>
      `최근 ${time('windowMs')} 할당량 ${quota} 초과로 ${count}건이 거부되었습니다`,
    no_report: ({ lastAt }, time) =>
      lastAt === undefined
        ? `${time('hours')} 동안 받은 리포트가 없습니다`
        : `${time('hours')} 동안 새 리포트가 없습니다 (마지막: ${timestamp(lastAt as number)})`,
  },
  en: {
    block_findings: ({ count, before, least, percent }, _, span) =>
      `${counted(count, 'BLOCK finding')} in the last ${span('windowMs')} (${before} in the ${span('windowMs')} before; limit: ${least}${percent === 0 ? '' : ` and +${percent}%`})`,
    error_rate: (facts, _, span) =>
      `${facts.share}% errors of ${of('en', facts)} in the last ${span('windowMs')} (${facts.errors} of ${facts.requests}, limit: ${facts.percent}%)`,
    latency: (facts, _, span) =>
      `p99 of ${of('en', facts)} is ${facts.p99Ms} ms in the last ${span('windowMs')} (${counted(facts.requests, 'request')}, limit: ${facts.limitMs} ms)`,
    capacity: (facts) => (RESOURCES.en[facts.resource as string] as (facts: Facts) => string)(facts),
    database_lost: () => 'the database cannot be reached: no reports are taken in',
    rate_limited: ({ quota, count }, _, span) =>
      `${counted(count, 'request')} ${count === 1 ? 'was' : 'were'} refused over the quota ${quota} in the last ${span('windowMs')}`,
    no_report: ({ lastAt }, time) =>
      lastAt === undefined
        ? `no report has come in ${time('hours')}`
        : `no report has come for ${time('hours')} (the last at ${timestamp(lastAt as number)})`,
  },
}

/** One sentence that says what an alert is about. */
export function summaryOf({ kind, facts }: Summarized, language: Language): string {
  const ms = (name: string) => Number(facts[name]) * (name === 'hours' ? HOUR_MS : 1)
  const time = (name: string) => durationText(ms(name), language)
  const span = (name: string) => spanText(ms(name), language)
  return SUMMARIES[language][kind](facts, time, span)
}

export const LEVEL_TEXTS: Texts<Record<Level, string>> = {
  ko: { info: '정보', warning: '주의', error: '오류', critical: '심각' },
  en: { info: 'INFO', warning: 'WARNING', error: 'ERROR', critical: 'CRITICAL' },
}

interface Words {
  product: string
  firing: string
  resolved: string
  repeated: string
  since: string
  until: string
  labels: string
  runbook: string
  more: (count: number) => string
  several: (firing: number, resolved: number) => string
  test: string
  reason: string
}

export const WORDS: Texts<Words> = {
  ko: {
    product: '나침반',
    firing: '발생',
    resolved: '해결',
    repeated: '계속',
    since: '시작',
    until: '해결',
    labels: '라벨',
    runbook: '대응 방법',
    more: (count) => `외 ${count}건`,
    several: (firing, resolved) =>
      [...(firing > 0 ? [`발생 ${firing}건`] : []), ...(resolved > 0 ? [`해결 ${resolved}건`] : [])].join(', '),
    test: '이 채널로 알림이 전달되는지 확인하는 시험 메시지입니다.',
    reason: '알림 채널에 등록되어 보내 드립니다.',
  },
  en: {
    product: 'Najimban',
    firing: 'FIRING',
    resolved: 'RESOLVED',
    repeated: 'STILL FIRING',
    since: 'Since',
    until: 'Resolved',
    labels: 'Labels',
    runbook: 'What to do',
    more: (count) => `and ${count} more`,
    several: (firing, resolved) =>
      [...(firing > 0 ? [`${firing} firing`] : []), ...(resolved > 0 ? [`${resolved} resolved`] : [])].join(', '),
    test: 'This is a test: alerts reach this channel.',
    reason: 'You get this because this address is in a channel for alerts.',
  },
}

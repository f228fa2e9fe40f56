import type { Texts } from '#shared/language.ts'

export interface PageTexts {
  product: string
  report: string
  status: string
  diff: string
  policy: string
  notes: string
  asSent: string
  nothingChecked: string
  version: string
  received: string
  severity: string
  quarantined: string
  check: string
  what: string
  trend: string
  change: string
  rule: string
  target: string
  verdict: string
  message: string
  print: string
  /** What senders write, in words of the language. */
  words: Readonly<Record<string, string>>
}

export const TEXTS: Texts<PageTexts> = {
  ko: {
    product: '나침반',
    report: '품질 보고서',
    status: '상태',
    diff: '변화',
    policy: '정책',
    notes: '비고',
    asSent: '보낸 그대로의 글',
    nothingChecked: '확인한 항목이 없습니다.',
    version: '버전',
    received: '받은 시각',
    severity: '심각도',
    quarantined: '이 보고서는 스키마에 맞지 않아 격리되어 있습니다.',
    check: '항목',
    what: '대상',
    trend: '추세',
    change: '변화율(%)',
    rule: '규칙',
    target: '대상',
    verdict: '판정',
    message: '설명',
    print: '인쇄하거나 PDF로 저장하려면 브라우저의 인쇄 기능을 쓰세요.',
    words: {
      pass: '통과',
      warn: '주의',
      fail: '실패',
      block: '차단',
      info: '정보',
      na: '해당 없음',
      up: '상승',
      down: '하락',
      flat: '변화 없음',
    },
  },
  en: {
    product: 'Najimban',
    report: 'Quality report',
    status: 'Status',
    diff: 'Diff',
    policy: 'Policy',
    notes: 'Notes',
    asSent: 'Text as it was sent',
    nothingChecked: 'Nothing was checked.',
    version: 'Version',
    received: 'Received',
    severity: 'Severity',
    quarantined: 'This report does not fit its schema and is in quarantine.',
    check: 'Check',
    what: 'What',
    trend: 'Trend',
    change: 'Change in %',
    rule: 'Rule',
    target: 'Target',
    verdict: 'Verdict',
    message: 'Message',
    print: 'To print this page or keep it as a PDF, use the print function of the browser.',
    words: {},
  },
}

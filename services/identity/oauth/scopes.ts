import { SCOPES, type Scope } from '#shared/permissions.ts'
import type { Texts } from '#shared/language.ts'

/** Scopes of OpenID Connect Core 5.4 and 11; they let an application know who somebody is, not use anything. */
export const IDENTITY_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const

export const OAUTH_SCOPES = [...IDENTITY_SCOPES, ...SCOPES] as const
export type OAuthScope = (typeof OAUTH_SCOPES)[number]

/** Whether a scope lets a token use something of the product's API. */
export const isApiScope = (scope: string): scope is Scope => (SCOPES as readonly string[]).includes(scope)

/** What the consent page says that an application may do. */
export const SCOPE_WORDS: Record<OAuthScope, Texts<string>> = {
  openid: { ko: '이 계정이라는 것을 확인', en: 'Know that it is you' },
  profile: { ko: '이름, 언어, 시간대 보기', en: 'See your name, language and time zone' },
  email: { ko: '이메일 주소 보기', en: 'See your e-mail address' },
  offline_access: {
    ko: '사용하지 않는 동안에도, 취소할 때까지 접근',
    en: 'Have access while you are away, until you withdraw it',
  },
  account: { ko: '계정 정보 보기', en: 'See your account' },
  'calendar:read': { ko: '일정, 할 일, 태그 보기', en: 'See your events, to-dos and tags' },
  'calendar:write': { ko: '일정, 할 일, 태그 추가, 변경, 삭제', en: 'Add, change and delete events, to-dos and tags' },
  caldav: { ko: '캘린더 앱으로 일정 동기화', en: 'Synchronise your calendar with a calendar app' },
  'diary:read': { ko: '일기와 사진 보기', en: 'See your diary and its pictures' },
  'diary:write': { ko: '일기와 사진 추가, 변경, 삭제', en: 'Add, change and delete diary entries and pictures' },
  'reports:read': { ko: '조직의 보고서 보기', en: 'See the reports of your organisation' },
  'reports:write': { ko: '조직의 보고서 서명', en: 'Sign reports of your organisation' },
  ingest: { ko: '조직에 보고서 보내기', en: 'Send reports to your organisation' },
  'audit:read': { ko: '조직의 감사 기록 보기', en: 'See the audit log of your organisation' },
  admin: {
    ko: '조직의 계정, 키, 애플리케이션 관리',
    en: 'Manage the accounts, keys and applications of your organisation',
  },
}

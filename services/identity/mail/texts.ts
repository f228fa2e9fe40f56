import type { Texts } from '#shared/language.ts'
import type { MailTemplate, SecurityEvent } from './request.ts'

export interface MailText {
  subject: string
  paragraphs: readonly string[]
  /** What the link does. */
  action?: string
}

/** What may be named in a mail. Nothing that somebody typed: it could be a message of theirs to the owner of the address. */
export interface MailFacts {
  /** Host of this installation. */
  host: string
  /** How long the link is good. */
  time: string
  /** What happened, in a security note. */
  event: string
}

const IGNORE = {
  ko: '요청하신 적이 없다면 이 메일을 무시하셔도 됩니다.',
  en: 'If you did not ask for this, you can ignore this mail.',
}
const once: Texts<(time: string) => string> = {
  ko: (time) => `링크는 ${time} 동안 한 번만 사용할 수 있습니다.`,
  en: (time) => `The link is good for ${time}, once.`,
}

export const SECURITY_TEXTS: Texts<Record<SecurityEvent, string>> = {
  ko: {
    'password-changed': '비밀번호가 변경되었습니다.',
    'second-factor-added': '2단계 인증이 켜졌습니다.',
    'second-factor-removed': '2단계 인증이 꺼졌습니다.',
    'recovery-codes-renewed': '복구 코드가 새로 만들어졌습니다.',
    'passkey-added': '패스키가 추가되었습니다.',
    'passkey-removed': '패스키가 삭제되었습니다.',
  },
  en: {
    'password-changed': 'The password was changed.',
    'second-factor-added': 'Two-step verification was turned on.',
    'second-factor-removed': 'Two-step verification was turned off.',
    'recovery-codes-renewed': 'New recovery codes were made.',
    'passkey-added': 'A passkey was added.',
    'passkey-removed': 'A passkey was removed.',
  },
}

export const MAIL_TEXTS: Texts<Record<MailTemplate, (facts: MailFacts) => MailText>> = {
  ko: {
    'verify-email': ({ host, time }) => ({
      subject: '이메일 주소를 확인해 주세요',
      paragraphs: [
        `${host}에 이 주소로 가입 신청이 있었습니다. 본인이 신청하셨다면 아래 링크에서 주소를 확인해 주세요.`,
        once.ko(time),
        IGNORE.ko,
      ],
      action: '이메일 주소 확인',
    }),
    'confirm-address': ({ host, time }) => ({
      subject: '새 이메일 주소를 확인해 주세요',
      paragraphs: [
        `${host} 계정의 이메일 주소를 이 주소로 바꾸려고 합니다. 아래 링크에서 확인하면 변경됩니다.`,
        once.ko(time),
        IGNORE.ko,
      ],
      action: '새 주소 확인',
    }),
    'address-changing': ({ host }) => ({
      subject: '계정의 이메일 주소 변경이 요청되었습니다',
      paragraphs: [
        `${host} 계정의 이메일 주소를 다른 주소로 바꾸려는 요청이 있었습니다. 새 주소가 확인되면 이 주소로는 더 이상 로그인할 수 없습니다.`,
        '본인이 요청하지 않았다면 지금 바로 비밀번호를 변경해 주세요.',
      ],
    }),
    'address-known': ({ host }) => ({
      subject: '이미 가입된 이메일 주소입니다',
      paragraphs: [
        `누군가 ${host}에서 이 주소를 사용하려고 했지만, 이 주소로 만든 계정이 이미 있습니다.`,
        '본인이라면 로그인해 주세요. 비밀번호가 기억나지 않으면 재설정할 수 있습니다. 본인이 아니라면 하실 일이 없습니다.',
      ],
    }),
    'set-password': ({ host, time }) => ({
      subject: '비밀번호 재설정',
      paragraphs: [
        `${host} 계정의 비밀번호 재설정이 요청되었습니다. 아래 링크에서 새 비밀번호를 정해 주세요.`,
        once.ko(time),
        `${IGNORE.ko} 비밀번호는 바뀌지 않습니다.`,
      ],
      action: '새 비밀번호 정하기',
    }),
    invitation: ({ host, time }) => ({
      subject: '초대되었습니다',
      paragraphs: [
        `관리자가 ${host}에 계정을 만들었습니다. 아래 링크에서 비밀번호를 정하면 이 이메일 주소로 로그인할 수 있습니다.`,
        once.ko(time),
      ],
      action: '비밀번호 정하기',
    }),
    approved: ({ host }) => ({
      subject: '계정이 승인되었습니다',
      paragraphs: [`관리자가 ${host} 계정을 승인했습니다. 이제 로그인할 수 있습니다.`],
    }),
    'security-note': ({ host, event }) => ({
      subject: '계정 보안 알림',
      paragraphs: [
        `${host} 계정에 다음 변경이 있었습니다: ${event}`,
        '본인이 하신 일이 아니라면 지금 바로 비밀번호를 재설정하고 관리자에게 알려 주세요.',
      ],
    }),
  },
  en: {
    'verify-email': ({ host, time }) => ({
      subject: 'Confirm your e-mail address',
      paragraphs: [
        `Somebody signed up at ${host} with this address. If it was you, confirm it by the link below.`,
        once.en(time),
        IGNORE.en,
      ],
      action: 'Confirm the address',
    }),
    'confirm-address': ({ host, time }) => ({
      subject: 'Confirm your new e-mail address',
      paragraphs: [
        `An account at ${host} is about to change to this address. It does when you confirm it by the link below.`,
        once.en(time),
        IGNORE.en,
      ],
      action: 'Confirm the new address',
    }),
    'address-changing': ({ host }) => ({
      subject: 'A change of your e-mail address was requested',
      paragraphs: [
        `Your account at ${host} is about to change to another e-mail address. Once that one is confirmed, you cannot sign in with this address any more.`,
        'If it was not you who asked for this, change your password at once.',
      ],
    }),
    'address-known': ({ host }) => ({
      subject: 'You already have an account',
      paragraphs: [
        `Somebody wanted to use this address at ${host}, but there is an account with it already.`,
        'If it was you, sign in; you can reset the password when you do not know it any more. If it was not, there is nothing to do.',
      ],
    }),
    'set-password': ({ host, time }) => ({
      subject: 'Reset your password',
      paragraphs: [
        `Somebody asked to reset the password of your account at ${host}. Choose a new one by the link below.`,
        once.en(time),
        `${IGNORE.en} The password stays as it is.`,
      ],
      action: 'Choose a new password',
    }),
    invitation: ({ host, time }) => ({
      subject: 'You are invited',
      paragraphs: [
        `An administrator made an account for you at ${host}. Choose a password by the link below; then you can sign in with this address.`,
        once.en(time),
      ],
      action: 'Choose a password',
    }),
    approved: ({ host }) => ({
      subject: 'Your account was approved',
      paragraphs: [`An administrator approved your account at ${host}. You can sign in now.`],
    }),
    'security-note': ({ host, event }) => ({
      subject: 'A change to the security of your account',
      paragraphs: [
        `This happened to your account at ${host}: ${event}`,
        'If it was not you, reset your password at once and tell your administrator.',
      ],
    }),
  },
}

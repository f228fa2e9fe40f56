import type { PasswordFault } from '../../login/policy.ts'
import type { Texts } from '#shared/language.ts'

interface PageTexts {
  error: string
  verify: { title: string; ask: string; button: string }
  verified: { title: string; approved: string; pending: string }
  reset: { title: string; ask: string; email: string; password: string; hint: (min: number) => string; repeat: string }
  resetButton: string
  done: { title: string; text: string }
  bad: { title: string; verify: string; reset: string }
  conflict: string
  failed: { title: string; busy: string; other: string }
  faults: Record<PasswordFault | 'different', string>
}

/** What the pages say that links in mails lead to. */
export const PAGE_TEXTS: Texts<PageTexts> = {
  ko: {
    error: '오류',
    verify: {
      title: '이메일 주소 확인',
      ask: '버튼을 누르면 다음 주소가 확인됩니다.',
      button: '이메일 주소 확인',
    },
    verified: {
      title: '확인되었습니다',
      approved: '이메일 주소가 확인되었습니다. 이 창을 닫고 로그인해 주세요.',
      pending: '이메일 주소가 확인되었습니다. 관리자가 승인하면 로그인할 수 있습니다.',
    },
    reset: {
      title: '새 비밀번호 정하기',
      ask: '이 계정의 새 비밀번호를 입력해 주세요. 저장하면 모든 기기에서 로그아웃됩니다.',
      email: '이메일',
      password: '새 비밀번호',
      hint: (min) => `${min}자 이상. 다른 곳에서 쓰지 않는 긴 문장이 좋습니다.`,
      repeat: '새 비밀번호 다시 입력',
    },
    resetButton: '비밀번호 저장',
    done: { title: '비밀번호가 저장되었습니다', text: '이 창을 닫고 새 비밀번호로 로그인해 주세요.' },
    bad: {
      title: '사용할 수 없는 링크입니다',
      verify:
        '이미 사용했거나 유효 기간이 지난 링크입니다. 이미 확인하셨다면 로그인해 주세요. 아니면 확인 메일을 다시 요청해 주세요.',
      reset: '이미 사용했거나 유효 기간이 지난 링크입니다. 비밀번호 재설정을 다시 요청해 주세요.',
    },
    conflict: '그 사이에 다른 계정이 이 이메일 주소를 사용하게 되었습니다.',
    failed: {
      title: '처리하지 못했습니다',
      busy: '지금은 요청이 많습니다. 잠시 후 다시 시도해 주세요.',
      other: '문제가 생겼습니다. 메일의 링크를 다시 열어 주세요.',
    },
    faults: {
      length: '비밀번호의 길이가 맞지 않습니다.',
      common: '너무 흔한 비밀번호입니다. 다른 비밀번호를 정해 주세요.',
      address: '이메일 주소를 비밀번호로 쓸 수 없습니다.',
      different: '두 비밀번호가 서로 다릅니다.',
    },
  },
  en: {
    error: 'Error',
    verify: {
      title: 'Confirm your e-mail address',
      ask: 'The button confirms this address:',
      button: 'Confirm the address',
    },
    verified: {
      title: 'Confirmed',
      approved: 'Your e-mail address is confirmed. You can close this page and sign in.',
      pending: 'Your e-mail address is confirmed. You can sign in when an administrator has approved your account.',
    },
    reset: {
      title: 'Choose a new password',
      ask: 'Enter a new password for this account. It will be signed out on all devices.',
      email: 'E-mail',
      password: 'New password',
      hint: (min) => `At least ${min} characters. A long phrase that you use nowhere else is best.`,
      repeat: 'New password again',
    },
    resetButton: 'Save the password',
    done: { title: 'The password is saved', text: 'You can close this page and sign in with the new password.' },
    bad: {
      title: 'This link cannot be used',
      verify:
        'It was used already, or it is too old. If you have confirmed your address, sign in; else ask for another mail.',
      reset: 'It was used already, or it is too old. Ask for another one to reset your password.',
    },
    conflict: 'Another account has got this e-mail address in the meantime.',
    failed: {
      title: 'That did not work',
      busy: 'There are many requests at the moment. Try again in a little while.',
      other: 'Something went wrong. Open the link in the mail again.',
    },
    faults: {
      length: 'The password has not the right length.',
      common: 'That is one of the most common passwords. Choose another one.',
      address: 'The e-mail address cannot be the password.',
      different: 'The two passwords are different.',
    },
  },
}

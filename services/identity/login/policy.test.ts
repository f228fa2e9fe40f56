import { readFile } from 'node:fs/promises'
import t from 'tap'
import { createPasswordPolicy } from './policy.ts'

const policy = createPasswordPolicy({ PASSWORD_MIN_LENGTH: 8, PASSWORD_MAX_LENGTH: 128 })
const EMAIL = 'kim.nachim@example.com'

t.test('any text of 8 to 128 characters can be a password: no kinds of characters are asked for', async (t) => {
  for (const password of [
    '가나다라마바사아',
    'correct horse',
    '        ',
    '😀'.repeat(8),
    'ㅁ'.repeat(128),
    "'; drop --",
  ]) {
    t.equal(policy.faultOf(password, EMAIL), undefined, password)
  }
})

t.test('characters are counted as people see them: composed, and an emoji once', async (t) => {
  t.equal(policy.faultOf('가나다라마바사아'.normalize('NFD'), EMAIL), undefined)
  t.equal(policy.faultOf('가나다라마바사'.normalize('NFD'), EMAIL), 'length')
  t.equal(policy.faultOf('😀'.repeat(7), EMAIL), 'length')
  t.equal(policy.faultOf('각'.repeat(128).normalize('NFD'), EMAIL), undefined)
  t.equal(policy.faultOf('a'.repeat(129), EMAIL), 'length')
})

t.test('what everybody tries first is refused, in whatever letters', async (t) => {
  for (const password of ['password', 'PassWord', '12345678', 'qwer1234', 'QWER1234!', 'dkssudgktpdy', 'najimban']) {
    t.equal(policy.faultOf(password, EMAIL), 'common', password)
  }
})

t.test('the e-mail address and its name are no passwords', async (t) => {
  for (const password of [EMAIL, 'KIM.nachim@Example.com', 'kim.nachim']) {
    t.equal(policy.faultOf(password, EMAIL), 'address', password)
  }
  t.equal(policy.faultOf('kim.nachim의 열쇠', EMAIL), undefined)
})

t.test('a refusal names the field', async (t) => {
  try {
    policy.require('short', EMAIL, 'new_password')
    t.fail('it was taken')
  } catch (error) {
    t.match(error, {
      problem: 'invalid-input',
      options: { errors: [{ in: 'body', field: 'new_password', message: /^new_password must have 8 to 128/ }] },
    })
  }
  t.doesNotThrow(() => policy.require('아주 긴 비밀번호', EMAIL))
})

t.test('at least the 3000 most frequent ones are known', async (t) => {
  const list = (await readFile(new URL('common-passwords.txt', import.meta.url), 'utf8')).trimEnd().split('\n')
  t.ok(list.length >= 3000)
  t.ok(list.every((word) => word === word.toLowerCase() && [...word].length >= 8))
})

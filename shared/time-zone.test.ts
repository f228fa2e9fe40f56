import t from 'tap'
import { zoneNamed } from './time-zone.ts'

t.test('zones are known by their IANA names, in any letter case', async (t) => {
  t.equal(zoneNamed('asia/seoul'), 'Asia/Seoul')
  t.equal(zoneNamed('UTC'), 'UTC')
  for (const name of ['', 'KST', 'Mars/Base', '+09:00', '2026-01-01T00:00[Asia/Seoul]', 'Z', 'Asia/Seoul\0']) {
    t.equal(zoneNamed(name), undefined, name)
  }
})

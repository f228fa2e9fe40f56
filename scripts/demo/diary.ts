import type { Api } from './api.ts'
import { sunset } from './picture.ts'

interface Entry {
  id: string
  content: string
}

type Plan = readonly [daysAgo: number, content: string, mood: string, weather: string, tags: string[], picture: boolean]

const ENTRIES: readonly Plan[] = [
  [
    0,
    '아침 안개가 걷히자 은행나무가 한꺼번에 노랗게 보였다. 점심에는 민지와 칼국수를 먹었다.',
    '😊',
    '맑음',
    ['일상'],
    true,
  ],
  [1, 'Finally fixed the sync bug. It was a time zone, of course it was a time zone.', '😴', 'cloudy', ['work'], false],
  [3, '출시 회의가 길어졌다. 다들 지쳤지만 내일이면 끝난다.', '😐', '흐림', ['업무'], false],
  [6, '어머니 댁에서 김장 스무 포기. 손은 얼얼한데 수육이 다 보상해 주었다. 🥬', '😍', '맑음', ['가족', '김장'], true],
  [9, '치과. 생각보다 괜찮았다. 스케일링은 여전히 싫다.', '😢', '비', ['건강'], false],
  [13, 'Ran 8 km along the river before sunrise; the water was perfectly still.', '😊', 'sunny', ['running'], true],
  [17, '책 반납하러 갔다가 두 권 더 빌려 왔다. 늘 이런 식이다.', '🤔', '흐림', ['독서'], false],
  [21, '오랜만에 고등학교 친구들. 다들 그대로인데 이야기만 달라졌다.', '😊', '맑음', ['친구'], false],
]

const entriesOf = (today: Temporal.PlainDate) =>
  ENTRIES.map(([daysAgo, content, mood, weather, tags, picture]) => ({
    entry: { date: today.subtract({ days: daysAgo }).toString(), content, mood, weather, tags },
    picture,
  }))

export async function addDiary(api: Api, today: Temporal.PlainDate): Promise<string> {
  let added = 0
  let pictures = 0
  for (const { entry, picture } of entriesOf(today)) {
    const { status, body } = await api.add('/api/diaries', entry)
    if (status !== 201) continue
    added++
    if (!picture) continue
    const form = new FormData()
    const png = sunset([70 + added * 20, 90, 170 - added * 10], [240, 150 - added * 8, 90])
    form.append('images', new Blob([new Uint8Array(png)], { type: 'image/png' }), '노을.png')
    await api.send('POST', `/api/diaries/${(body as Entry).id}/images`, form)
    pictures++
  }
  return `${added} entries and ${pictures} pictures added`
}

/** Removes an entry only when it still says what the demo wrote. */
export async function removeDiary(api: Api, today: Temporal.PlainDate): Promise<string> {
  let removed = 0
  for (const { entry } of entriesOf(today)) {
    const { status, body } = await api.send('GET', `/api/diaries/${entry.date}`, undefined, [200, 404])
    const found = body as Entry
    if (status === 404 || found.content !== entry.content) continue
    await api.remove(`/api/diaries/${found.id}`)
    removed++
  }
  return `${removed} entries removed`
}

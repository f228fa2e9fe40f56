import { createCalendar } from './calendar.ts'
import { createDiary } from './diary.ts'
import { startLanguage } from './language.ts'
import { createReports } from './reports.ts'

const sections = [createCalendar(), createDiary(), createReports()]
const render = () => sections.forEach((section) => section.render())

startLanguage(render)
render()
await Promise.all(sections.map((section) => section.load()))

import { ask, send } from './api.ts'
import { format } from './dates.ts'
import { element, find } from './dom.ts'
import { createForm } from './form.ts'
import { text } from './language.ts'
import { sampleReport, type Severity } from './sample-report.ts'
import { createView } from './view.ts'

interface Report {
  id: string
  /** Milliseconds. */
  createdAt: number
  severity?: Severity
  policyVersion?: string
}

const COLLECTOR = '/api/collector'
const SHOWN = 8
/** The key that a fresh installation has; API_KEYS of the collector replaces it. */
const KEY = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }

function showReport({ id, createdAt, severity, policyVersion }: Report): HTMLElement {
  const at = new Date(createdAt)
  const policy = policyVersion === undefined ? '' : `${text('policy')} ${policyVersion}`
  const level = severity ?? 'unrated'
  return element(
    'li',
    { class: 'report', 'data-id': id },
    element('span', { class: 'level', 'data-level': level }, text(level)),
    element('code', {}, id),
    element('span', { class: 'policy', dir: 'auto' }, policy),
    element('time', { datetime: at.toISOString() }, format(at, { dateStyle: 'medium', timeStyle: 'short' })),
  )
}

/** The latest reports of the tenant `default`, and a button that sends one as an app would. */
export function createReports() {
  const form = find<HTMLFormElement>('#sample')

  const view = createView<Report>(find('#latest-reports'), {
    empty: 'noReports',
    read: async () =>
      (await ask<{ reports: Report[] }>(`${COLLECTOR}/reports?limit=${SHOWN}`, { headers: KEY })).reports,
    show: (reports) => [element('ul', {}, ...reports.map(showReport))],
  })

  const { render } = createForm(form, {
    done: 'reportSent',
    async send(data) {
      await send('POST', `${COLLECTOR}/ingest/qc`, sampleReport(data.get('severity') as Severity), KEY)
      await view.load()
    },
  })

  return {
    load: view.load,
    render() {
      view.render()
      render()
    },
  }
}

import { invalidField, Problem } from '#shared/problem.ts'
import { OutboundRefused } from '#shared/outbound/target.ts'
import type { OutboundClient } from '#shared/outbound/client.ts'
import { LEVELS } from '../levels.ts'
import type { ChannelInput, ChannelKind, ChannelPlan, ChannelSecrets } from './schema.ts'

export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue'

/** What each kind needs, and what else it can have. */
const MEMBERS: Record<ChannelKind, { needs: (keyof ChannelSecrets)[]; may: (keyof ChannelSecrets)[] }> = {
  slack: { needs: ['url'], may: [] },
  pagerduty: { needs: ['routingKey'], may: ['url'] },
  email: { needs: ['to'], may: [] },
  webhook: { needs: ['url', 'secret'], may: [] },
}
const SECRETS = ['url', 'routingKey', 'secret', 'to'] as const

/** Where it leads, as far as that is no secret: the path of a Slack webhook is one. */
const targetOf = (kind: ChannelKind, { url, to = [] }: ChannelSecrets): string =>
  kind === 'email' ? to.join(', ') : new URL(url ?? PAGERDUTY_URL).host

/** Whether what is given leads elsewhere than the channel that is there: what proves who sends is not for those who are there. */
const leadsElsewhere = (known: ChannelSecrets, { url }: ChannelSecrets): boolean =>
  url !== undefined && new URL(url).origin !== new URL(known.url ?? PAGERDUTY_URL).origin

export interface GivenChannel {
  channel: ChannelPlan
  secrets: ChannelSecrets
  target: string
}

/**
 * A channel as it counts.
 * @param known secrets of the channel that it replaces, if that is of the same kind: what is not given stays, unless the url is
 * of another origin than before
 * @throws Problem invalid-input (400) naming the member
 */
export function channelOf(
  input: ChannelInput,
  known: ChannelSecrets | undefined,
  { outbound, hasMail }: { outbound: Pick<OutboundClient, 'check'>; hasMail: boolean },
): GivenChannel {
  const { url, routingKey, secret, to, ...plan } = input
  const given: ChannelSecrets = {
    ...(url && { url }),
    ...(routingKey && { routingKey }),
    ...(secret && { secret }),
    ...(to && { to }),
  }
  const { kind } = plan
  const { needs, may } = MEMBERS[kind]
  for (const name of SECRETS) {
    if (given[name] !== undefined && !needs.includes(name) && !may.includes(name)) {
      throw invalidField('body', name, `${name} is not of a channel of the kind ${kind}`)
    }
  }
  const isMoved = known !== undefined && leadsElsewhere(known, given)
  const secrets = isMoved ? given : { ...known, ...given }
  for (const name of needs) {
    if (secrets[name] !== undefined) continue
    const why = isMoved ? 'is to be given again, as url leads elsewhere' : `is required for the kind ${kind}`
    throw invalidField('body', name, `${name} ${why}`)
  }
  if (kind === 'email' && !hasMail) {
    throw new Problem('conflict', { detail: 'This installation sends no mails: SMTP_URL is not set' })
  }
  try {
    if (secrets.url !== undefined) outbound.check(secrets.url)
  } catch (error) {
    if (error instanceof OutboundRefused) throw invalidField('body', 'url', `url: ${error.message}`)
    throw error
  }
  if (kind === 'pagerduty' && plan.groupBy !== undefined && plan.groupBy !== 'alert') {
    throw invalidField('body', 'groupBy', 'groupBy of PagerDuty is alert: an incident is one alert')
  }
  return {
    channel: {
      ...plan,
      levels: plan.levels ?? (kind === 'pagerduty' ? ['critical'] : LEVELS.filter((level) => level !== 'info')),
      groupBy: plan.groupBy ?? (kind === 'pagerduty' ? 'alert' : 'rule'),
    },
    secrets,
    target: targetOf(kind, secrets),
  }
}

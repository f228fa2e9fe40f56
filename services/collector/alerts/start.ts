import type { Health } from '#shared/health.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import { createSmtp } from '#shared/mail/smtp.ts'
import { createOutboundClient, type OutboundDeps } from '#shared/outbound/client.ts'
import type { App } from '#shared/server.ts'
import type { Registry } from 'prom-client'
import type { CollectorConfig } from '../config.ts'
import type { Engine } from '../engine/engine.ts'
import { resealChannels } from './channels/reseal.ts'
import { channelRoutes } from './channels/routes.ts'
import { createCourier } from './deliver/courier.ts'
import { createSend } from './deliver/send.ts'
import { createSignals } from './measure/signals.ts'
import { createAlertMetrics } from './metrics.ts'
import { createOutageAlarm } from './outage.ts'
import { alertRoutes } from './routes.ts'
import { readRulesFile } from './rules/file.ts'
import { ruleRoutes } from './rules/routes.ts'
import { silenceRoutes } from './silences/routes.ts'
import { createWatch } from './watch.ts'

interface AlertParts {
  engine: Pick<Engine, 'stores' | 'writer'>
  config: CollectorConfig
  keyring: Keyring
  health: Pick<Health, 'isDatabaseUsable'>
  registers: Registry[]
  logger: Logger
  /** Of tests: how names are looked up. */
  outbound?: OutboundDeps
}

/**
 * Alerts: what looks at the rules, what sends notifications, and the routes.
 * @throws ConfigError for a faulty ALERT_RULES_FILE
 */
export function startAlerts({ engine, config, keyring, health, registers, logger, outbound: deps }: AlertParts) {
  const { writer } = engine
  const { alerts: store } = engine.stores
  const fixed = readRulesFile(config.ALERT_RULES_FILE)
  const metrics = createAlertMetrics(registers)
  const signals = createSignals({ config, pending: writer.pending, registry: registers[0] as Registry })
  const outbound = createOutboundClient(config, deps)
  const smtp = config.SMTP_URL === undefined ? undefined : createSmtp(config.SMTP_URL, config)
  const send = createSend({ config, keyring, outbound, smtp })
  const outage = createOutageAlarm({ store, writer, send, config, logger })
  const courier = createCourier({ store, writer, send, config, metrics, logger })
  const watch = createWatch({
    store,
    writer,
    signals,
    outage,
    fixed,
    health,
    config,
    metrics,
    logger,
    onChange: courier.look,
  })
  resealChannels({ store, writer, keyring, logger }).catch((error: unknown) => {
    logger.error({ err: error }, 'secrets of channels were not looked at; they are at the next start')
  })
  const channels = { outbound, hasMail: smtp !== undefined, keyring }
  return {
    /** What rules about the system look at; quotas tell it of what they refuse. */
    signals,
    async routes(app: App): Promise<void> {
      await ruleRoutes({ store, writer, fixed })(app)
      await silenceRoutes(store, writer)(app)
      await channelRoutes({ store, writer, ...channels, onPost: courier.look })(app)
      await alertRoutes({ store, writer, config, onChange: courier.look })(app)
    },
    async stop(): Promise<void> {
      await watch.stop()
      await courier.stop()
      smtp?.close()
    },
  }
}

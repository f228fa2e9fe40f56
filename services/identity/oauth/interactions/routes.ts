import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '#shared/server.ts'
import { takeForms } from '../../pages/form.ts'
import { PAGE_ROUTE } from '../../pages/page.ts'
import type { ClientStore } from '../clients/store.ts'
import type { Providers } from '../provider.ts'
import { findInteraction, halfOf, type PageRequest } from './interaction.ts'
import { querySchema, stepSchema, type StepForm } from './schema.ts'
import { sendConsent, sendExpired, sendSecondFactor, sendSignIn } from './show.ts'
import { createSteps, type StepOptions } from './steps.ts'

export interface InteractionRouteOptions extends StepOptions {
  providers: Providers
  clients: ClientStore
}

/**
 * The pages on which a person signs in and allows an application. Forms of other sites do nothing here: the cookie of the
 * interaction is not sent with them (SameSite=Lax), and it fits one address only.
 */
export const interactionRoutes =
  (options: InteractionRouteOptions) =>
  async (routes: App): Promise<void> => {
    const { providers, clients, accounts } = options
    const steps = createSteps(options)
    const schema = { tags: ['oauth'], querystring: querySchema }
    takeForms(routes)

    const find = (request: FastifyRequest<PageRequest>, reply: FastifyReply) =>
      findInteraction({ request, reply }, providers, clients)

    routes.get<PageRequest>(
      '/:uid',
      { config: PAGE_ROUTE, schema: { ...schema, summary: 'Sign-in, second step or consent' } },
      async (request, reply) => {
        const found = await find(request, reply)
        if (found === undefined) return sendExpired({ request, reply })
        const visit = { request, reply, ...found }
        if (request.query.login !== undefined) return sendSignIn(visit)
        if (halfOf(found.interaction) !== undefined) return sendSecondFactor(visit)
        return found.interaction.prompt.name === 'consent' ? sendConsent(visit, accounts) : sendSignIn(visit)
      },
    )

    routes.post<PageRequest & { Body: StepForm }>(
      '/:uid',
      { config: PAGE_ROUTE, schema: { ...schema, summary: 'Takes the form of such a page', body: stepSchema } },
      async (request, reply) => {
        const found = await find(request, reply)
        if (found === undefined) return sendExpired({ request, reply })
        return steps[request.body.step]({ request, reply, ...found })
      },
    )
  }

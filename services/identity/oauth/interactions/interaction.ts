import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import type { Owner } from '#shared/scope.ts'
import type { Client, ClientStore } from '../clients/store.ts'
import type { Providers } from '../provider.ts'
import type { PageQuery, StepForm } from './schema.ts'

export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

export interface PageRequest {
  Params: { uid: string }
  Querystring: PageQuery
}

/** A request for a page of an interaction, and the interaction of this very browser. */
export interface Visit {
  request: FastifyRequest<PageRequest>
  reply: FastifyReply
  provider: Provider
  interaction: Interaction
  client: Client
}

/** The same with a form. */
export type Step = Visit & { request: FastifyRequest<PageRequest & { Body: StepForm }> }

/** Between the password and the code; it is in the interaction, which only this browser has. */
export interface HalfSignedIn {
  account: Owner
  remember: boolean
  /** Milliseconds since 1970. */
  until: number
}

/** Whose password was right a moment ago. */
export function halfOf({ result }: Interaction): HalfSignedIn | undefined {
  const half = result?.second_factor as HalfSignedIn | undefined
  return half !== undefined && half.until > Date.now() ? half : undefined
}

/** The interaction of this browser and this address; there is none when it is too old, finished or another browser's. */
export async function findInteraction(
  { request, reply }: Pick<Visit, 'request' | 'reply'>,
  providers: Providers,
  clients: Pick<ClientStore, 'find'>,
): Promise<Pick<Visit, 'provider' | 'interaction' | 'client'> | undefined> {
  const provider = await providers.current()
  try {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    const client = clients.find(String(interaction.params.client_id))
    if (interaction.uid !== request.params.uid || client === undefined) return undefined
    return { provider, interaction, client }
  } catch (error) {
    if ((error as Error).name === 'SessionNotFound') return undefined
    throw error
  }
}

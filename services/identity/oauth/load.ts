import type * as oidc from 'oidc-provider'

/** What is used of oidc-provider. */
export type Library = Pick<typeof oidc, 'Provider' | 'errors' | 'interactionPolicy'>

/**
 * The parts that the package's own entry exports. The entry itself prints a warning on every runtime that is not an LTS
 * release of Node, which the pinned one is not yet; there is nothing else in it. The names are not constants to the compiler,
 * for the package has types of its entry only.
 */
const PARTS: Record<'provider' | 'errors' | 'policy', string> = {
  provider: 'oidc-provider/lib/provider.js',
  errors: 'oidc-provider/lib/helpers/errors.js',
  policy: 'oidc-provider/lib/helpers/interaction_policy/index.js',
}

/** Loads oidc-provider: about 40 MB that a process without OAuth clients never needs. */
export async function loadLibrary(): Promise<Library> {
  const [provider, errors, interactionPolicy] = (await Promise.all([
    import(PARTS.provider),
    import(PARTS.errors),
    import(PARTS.policy),
  ])) as [Pick<Library, 'Provider'>, Library['errors'], Library['interactionPolicy']]
  return { Provider: provider.Provider, errors, interactionPolicy }
}

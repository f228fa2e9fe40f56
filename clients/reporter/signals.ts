/** What happens around the reporter that it should know of. */
export interface SignalHandlers {
  /** The network is back, or the app is. */
  onOnline(): void
  /** The page or app is going away, perhaps for good. */
  onHide(): void
}

/** Starts to listen, and gives back what stops it. */
export type Signals = (handlers: SignalHandlers) => () => void

interface EventSource {
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(type: string, listener: () => void): void
  document?: EventSource & { visibilityState?: string }
}

/** The events of a browser's page; where there are none (Node, React Native) nothing ever happens. */
export const browserSignals =
  (scope: EventSource = globalThis as EventSource): Signals =>
  ({ onOnline, onHide }) => {
    const { document } = scope
    const onVisibility = () => (document?.visibilityState === 'hidden' ? onHide() : onOnline())
    const listeners = [
      [scope, 'online', onOnline],
      [scope, 'pagehide', onHide],
      // On phones a page that is put away is often never told of its end.
      [document, 'visibilitychange', onVisibility],
    ] as const
    for (const [source, type, listener] of listeners) source?.addEventListener?.(type, listener)
    return () => {
      for (const [source, type, listener] of listeners) source?.removeEventListener?.(type, listener)
    }
  }

interface AppStateLike {
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void }
}

/** React Native: `appSignals(AppState)`, and the function of NetInfo to hear of the network, too. */
export const appSignals =
  (
    appState: AppStateLike,
    onNetwork?: (listener: (state: { isConnected: boolean | null }) => void) => () => void,
  ): Signals =>
  ({ onOnline, onHide }) => {
    const subscription = appState.addEventListener('change', (state) => {
      if (state === 'active') onOnline()
      else if (state === 'background') onHide()
    })
    const stop = onNetwork?.(({ isConnected }) => {
      if (isConnected === true) onOnline()
    })
    return () => {
      subscription.remove()
      stop?.()
    }
  }

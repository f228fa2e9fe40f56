import type { QueueStorage } from './storage.ts'

/** React Native's `AsyncStorage`, or whatever has its functions. */
export interface AsyncStorageLike {
  getItem(name: string): Promise<string | null>
  setItem(name: string, text: string): Promise<void>
  removeItem(name: string): Promise<void>
  getAllKeys(): Promise<readonly string[]>
}

/** Reports wait in React Native's AsyncStorage and survive the end of the app. */
export const asyncStorage = (store: AsyncStorageLike): QueueStorage => ({
  get: (name) => store.getItem(name),
  set: (name, text) => store.setItem(name, text),
  remove: (name) => store.removeItem(name),
  names: async (prefix) => (await store.getAllKeys()).filter((name) => name.startsWith(prefix)),
})

import { parentPort } from 'node:worker_threads'
import type { Resolved } from '../config/env-references.ts'
import type { SecretValues, WantedSecret } from '../config/references/secret-reference.ts'
import { loadNode } from './load-node.ts'

/** What the thread is asked, and answered. */
export type ToLoader =
  | { readonly type: 'load'; readonly id: number; readonly file: string }
  | { readonly type: 'secrets'; readonly id: number; readonly values: ReadonlyMap<string, Resolved> }

/** Loads that wait for their secrets. */
const waiting = new Map<number, (values: SecretValues) => void>()

/** The control thread has the secrets: it remembers them, and may ask for them. */
const readSecrets =
  (id: number) =>
  (wanted: readonly WantedSecret[]): Promise<SecretValues> =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      parentPort?.postMessage({ id, wanted })
    })

/** The thread of a ConfigLoader: loads what it is asked for, one after the other. */
parentPort?.on('message', (message: ToLoader) => {
  const { id } = message
  if (message.type === 'secrets') {
    const { values } = message
    waiting.get(id)?.({ get: ({ reference }) => values.get(reference) })
    waiting.delete(id)
    return
  }
  loadNode(message.file, readSecrets(id)).then(
    (result) => parentPort?.postMessage({ id, result }),
    (error: unknown) =>
      parentPort?.postMessage({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})

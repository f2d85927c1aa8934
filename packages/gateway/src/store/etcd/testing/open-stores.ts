import { onTestFinished } from 'vitest'
import type { Author, DocumentKey, StoreBackend, Write } from '../../backend/backend.ts'
import { revisionOf } from '../../backend/testing/backend-contract.ts'
import { Recorder } from '../../backend/testing/recorder.ts'
import { type EtcdBackend, type EtcdOptions, openEtcd } from '../etcd-backend.ts'

export const AUTHOR: Author = { who: 'ops', from: '127.0.0.1' }
let prefixes = 0
/** Of a store that no other test has. */
export const newPrefix = (): string => `/test-${process.pid}-${prefixes++}`

/** Closed with the test. */
export async function open(
  options: Partial<EtcdOptions> & { readonly endpoints: readonly string[] },
): Promise<EtcdBackend> {
  const backend = await openEtcd({ prefix: newPrefix(), ...options })
  onTestFinished(() => backend.close())
  return backend
}

/** Follows a backend, from what it has now; ends with the test. */
export async function follow(backend: StoreBackend): Promise<Recorder> {
  const recorder = new Recorder()
  const { revision, documents } = await backend.snapshot()
  for (const [key, document] of documents) recorder.documents.set(key, document)
  onTestFinished(backend.watch(revision, recorder))
  await recorder.until(() => recorder.states.at(-1)?.connected === true)
  return recorder
}

export const put = async (backend: StoreBackend, key: DocumentKey, value: string | undefined): Promise<number> =>
  revisionOf(await backend.commit([{ key, value }], [], AUTHOR))

/** Routes of 300 bytes, as they are in practice. */
export function routes(count: number, mark = ''): Write[] {
  return Array.from({ length: count }, (_, at) => {
    const text = {
      uri: `/service-${at}/*`,
      name: `route ${at}${mark}`,
      upstream_id: String(at % 100),
      desc: 'x'.repeat(220),
    }
    return { key: `routes/${at}`, value: JSON.stringify(text) }
  })
}

import type { DocumentKey, StoredDocument } from '../backend/backend.ts'

/** A credential that is a document of its own, as APISIX keeps it: `consumers/jack/credentials/phone`. */
export interface CredentialKey {
  readonly username: string
  /** `phone` */
  readonly id: string
}

const KEY = /^consumers\/([^/]+)\/credentials\/([^/]+)$/

/** Undefined: the document is something else. */
export function credentialKey(key: DocumentKey): CredentialKey | undefined {
  // Most keys are those of routes.
  if (!key.startsWith('consumers/')) return undefined
  const match = KEY.exec(key)
  return match === null ? undefined : { username: match[1]!, id: match[2]! }
}

export const credentialDocumentKey = (username: string, id: string): DocumentKey =>
  `consumers/${username}/credentials/${id}`

/** Something of each credential that is a document of its own, by its consumer. */
export class CredentialIndex<T = StoredDocument> {
  private readonly consumers = new Map<string, Map<string, T>>()

  /** Those among these documents. */
  static of(documents: Iterable<StoredDocument>): CredentialIndex {
    const index = new CredentialIndex()
    for (const document of documents) index.set(document.key, document)
    return index
  }

  /** How many consumers have some. */
  get size(): number {
    return this.consumers.size
  }

  consumerNames(): Iterable<string> {
    return this.consumers.keys()
  }

  /** By their ids. */
  get(username: string): ReadonlyMap<string, T> {
    return this.consumers.get(username) ?? NONE
  }

  /** Does nothing for other documents; undefined removes. */
  set(key: DocumentKey, value: T | undefined): void {
    const named = credentialKey(key)
    if (named === undefined) return
    const { username, id } = named
    const known = this.consumers.get(username)
    if (value === undefined) {
      known?.delete(id)
      if (known?.size === 0) this.consumers.delete(username)
    } else if (known === undefined) this.consumers.set(username, new Map([[id, value]]))
    else known.set(id, value)
  }
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>()

type Fields = Readonly<Record<string, unknown>>

/** A consumer with these credentials in the place of its own of the same ids. */
export function withCredentials(consumer: Fields, credentials: ReadonlyMap<string, Fields>): Fields {
  if (credentials.size === 0) return consumer
  const own = consumer['credentials']
  const merged: Record<string, unknown> = own !== null && typeof own === 'object' ? { ...own } : {}
  // What stands in the key names it.
  for (const [name, { id: _id, ...credential }] of credentials) merged[name] = credential
  return { ...consumer, credentials: merged }
}

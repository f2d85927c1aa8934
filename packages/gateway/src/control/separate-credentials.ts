import { isDeepStrictEqual } from 'node:util'
import type { Document } from './control-plane.ts'

type Credentials = Readonly<Record<string, Document>>

/** A consumer as it is to be written, with what becomes of its credentials that are documents of their own. */
export interface SplitConsumer {
  readonly consumer: Document
  /** By their ids; undefined: the document is deleted. What stays as it is, is not among them. */
  readonly credentials: ReadonlyMap<string, Document | undefined>
}

/**
 * Takes credentials out of a consumer that are, or are to be, documents of their own, as APISIX keeps them.
 *
 * @param separate those that are documents now
 * @param own ids of those that are kept within the consumer now: they stay there
 * @param apart new ones become documents, too
 */
export function splitConsumer(
  value: Document,
  separate: ReadonlyMap<string, Document>,
  own: ReadonlySet<string>,
  apart: boolean,
): SplitConsumer {
  const { credentials, ...rest } = value
  const within: Record<string, Document> = {}
  const written = new Map<string, Document | undefined>()
  for (const [id, credential] of Object.entries((credentials ?? {}) as Credentials)) {
    const before = separate.get(id)
    if (before === undefined && (own.has(id) || !apart)) within[id] = credential
    else if (before === undefined || !isDeepStrictEqual(named(before, id), named(credential, id)))
      written.set(id, named(credential, id))
  }
  for (const id of separate.keys())
    if (!Object.hasOwn((credentials ?? {}) as Credentials, id)) written.set(id, undefined)
  const kept = Object.keys(within).length > 0
  return { consumer: kept ? { ...rest, credentials: within } : rest, credentials: written }
}

/** As APISIX writes it. */
const named = ({ id: _id, ...credential }: Document, id: string): Document => ({ id, ...credential })

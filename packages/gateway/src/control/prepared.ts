import { isDeepStrictEqual } from 'node:util'
import { idField, writtenId } from '../resources/identity.ts'
import type { ResourceKind } from '../resources/kind-names.ts'
import type { DocumentKey, StoredDocument } from '../store/backend/backend.ts'
import { credentialKey } from '../store/documents/credential-index.ts'
import { documentKey } from '../store/documents/document-key.ts'
import type { Document, ResourceDifference } from './control-plane.ts'

/** A change as it is written: with id and times. */
export interface Prepared {
  readonly kind: ResourceKind
  readonly id: string
  readonly key: DocumentKey
  readonly before: StoredDocument | undefined
  readonly value: Document | undefined
  readonly ttlSeconds: number | undefined
  readonly ifRevision: number | undefined
  /** The resource with all its parts, as it is checked and shown; of a part itself undefined. */
  readonly whole: Document | undefined
  /** A credential of a consumer, as a document of its own. */
  readonly isPart: boolean
  /** Only parts of it change. */
  readonly stays: boolean
}

/** The consumer of a credential that is a document of its own; any other resource itself. */
export function ownerOf<T extends { readonly kind: ResourceKind; readonly id: string }>(
  named: T,
): T | { kind: 'consumers'; id: string } {
  const credential = credentialKey(documentKey(named.kind, named.id))
  return credential === undefined ? named : { kind: 'consumers', id: credential.username }
}

export function differencesOf(
  prepared: readonly Prepared[],
  before: (one: Prepared) => Document | undefined,
): ResourceDifference[] {
  return prepared.flatMap((one) => {
    const old = before(one)
    return one.stays || (old === undefined && one.value === undefined)
      ? []
      : [{ kind: one.kind, id: one.id, before: old, after: one.value }]
  })
}

/** Whether two documents say the same but for when. */
export function sameContent(kind: ResourceKind, id: string, a: Document, b: Document): boolean {
  const content = (value: Document): Document => {
    const { create_time: _created, update_time: _updated, ...rest } = value
    const field = idField(kind)
    return { ...rest, [field]: writtenId(kind, rest) ?? id }
  }
  return isDeepStrictEqual(content(a), content(b))
}

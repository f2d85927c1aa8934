import { RESOURCE_KINDS } from '../../resources/kind-names.ts'
import type { DocumentKey, StoredDocument } from '../backend/backend.ts'
import type { Operation } from '../store.ts'
import type { RefusedDocument } from './refused-documents.ts'

/** What a change of documents came to. */
export interface Applied {
  /** For the workers, in the order in which references hold. */
  readonly operations: readonly Operation[]
  /** What is in force now in place of what was, also where workers need not know. */
  readonly inForce: ReadonlyMap<DocumentKey, StoredDocument | undefined>
  /** What is left out, and stays as it was. */
  readonly refused: readonly RefusedDocument[]
}

/** What one change does. */
export class ChangeWork {
  readonly inForce = new Map<DocumentKey, StoredDocument | undefined>()
  private readonly operations = new Map<DocumentKey, Operation>()
  private readonly refused = new Map<DocumentKey, RefusedDocument>()

  entered(key: DocumentKey, document: StoredDocument | undefined): void {
    this.inForce.set(key, document)
    this.refused.delete(key)
  }

  operation(key: DocumentKey, operation: Operation): void {
    this.operations.set(key, operation)
  }

  refuse(refused: RefusedDocument): void {
    this.refused.set(refused.document.key, refused)
  }

  result(): Applied {
    return {
      operations: orderedOperations([...this.operations.values()]),
      inForce: this.inForce,
      refused: [...this.refused.values()],
    }
  }
}

export const KIND_ORDER = new Map(RESOURCE_KINDS.map((kind, index) => [kind, index]))

/** As `diffResources` orders them: at every step each reference has its target. */
function orderedOperations(operations: readonly Operation[]): Operation[] {
  if (operations.length < 2) return [...operations]
  const rank = ({ kind, value }: Operation): number =>
    value === undefined ? 2 * RESOURCE_KINDS.length - KIND_ORDER.get(kind)! : KIND_ORDER.get(kind)!
  return operations.toSorted((a, b) => rank(a) - rank(b))
}

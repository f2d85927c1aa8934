import type { ControlPlane, Document, Item, ResourceDifference, WriteResult } from '../../control/control-plane.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import type { HistoryEntry } from '../../store/backend/backend.ts'
import { snapshotOperations } from '../../store/snapshot-operations.ts'
import type { Change, Operation, Snapshot } from '../../store/store.ts'

/** Why nothing can be written, and what to do. */
export const FILE_IS_READ_ONLY =
  'this gateway reads its configuration from a file, so it cannot be changed here: edit the file, ' +
  'or set "store: { type: embedded, path: ./data }" and write through this API'

type Listener = Parameters<ControlPlane['onChange']>[0]

/** What is in force on a gateway with a configuration file, to be read: each resource with the revision of its last change. */
export class FileControlPlane implements ControlPlane {
  revision: number
  private readonly items = new Map<string, Item>()
  private readonly listeners = new Set<Listener>()

  constructor({ revision, resources }: Snapshot) {
    this.revision = revision
    for (const operation of snapshotOperations(resources)) this.set(operation)
  }

  /** The file changed. */
  apply({ revision, operations }: Change): void {
    this.revision = revision
    const differences = operations.map((operation): ResourceDifference => {
      const { kind, id } = operation
      const before = this.get(kind, id)?.value
      this.set(operation)
      return { kind, id, before, after: this.get(kind, id)?.value }
    })
    for (const listener of this.listeners) listener({ revision, differences })
  }

  get(kind: ResourceKind, id: string): Item | undefined {
    return this.items.get(`${kind}/${id}`)
  }

  list(kind: ResourceKind): readonly Item[] {
    return [...this.items.values()].filter((item) => item.kind === kind)
  }

  onChange(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  write(): Promise<WriteResult> {
    return Promise.reject(new Error(FILE_IS_READ_ONLY))
  }

  replaceAll(): Promise<WriteResult> {
    return this.write()
  }

  rollback(): Promise<WriteResult> {
    return this.write()
  }

  /** A file has no history; version control has. */
  history(): Promise<readonly HistoryEntry[]> {
    return Promise.resolve([])
  }

  diff(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  private set({ kind, id, value }: Operation): void {
    const key = `${kind}/${id}`
    if (value === undefined) {
      this.items.delete(key)
      return
    }
    const { revision } = this
    const createRevision = this.items.get(key)?.createRevision ?? revision
    this.items.set(key, { kind, id, value: asWritten(kind, value as Document), createRevision, revision })
  }
}

/** Without what the check of the file made of it. */
function asWritten(kind: ResourceKind, value: Document): Document {
  if (kind !== 'protos') return value
  const { descriptors: _descriptors, ...rest } = value
  return rest
}

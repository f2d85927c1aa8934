import { restoreMasked } from '../../control/restore-masked.ts'
import { isDeepStrictEqual } from 'node:util'
import { type ConfigProblem, Findings, pointerPart } from '../../config/problem.ts'
import type { PluginLookup } from '../../config/plugin-lookup.ts'
import { validateDocument } from '../../config/validate.ts'
import type {
  ControlPlane,
  Document,
  DocumentChange,
  Item,
  ResourceDifference,
  WriteOptions,
  WriteResult,
} from '../../control/control-plane.ts'
import { idField } from '../../resources/identity.ts'
import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import type { DocumentKey, HistoryEntry } from '../../store/backend/backend.ts'
import { idText } from '../resources/envelope.ts'

type State = ReadonlyMap<DocumentKey, Item>

const keyOf = (kind: ResourceKind, id: string): DocumentKey => `${kind}/${id}`

/** A control plane in memory, for tests: what is written is checked as a whole file is. */
export class FakeControlPlane implements ControlPlane {
  revision = 0
  /** What the next write fails with, as an unreachable store does. */
  failure: Error | undefined
  /** Runs before each write, as somebody else's change in between. */
  before: (() => Promise<void>) | undefined
  private state: State = new Map()
  private readonly states: State[] = [this.state]
  private readonly entries: HistoryEntry[] = []
  private readonly listeners = new Set<Parameters<ControlPlane['onChange']>[0]>()
  private readonly plugins: PluginLookup

  constructor(plugins: PluginLookup) {
    this.plugins = plugins
  }

  get(kind: ResourceKind, id: string): Item | undefined {
    return this.state.get(keyOf(kind, id))
  }

  list(kind: ResourceKind): readonly Item[] {
    return [...this.state.values()].filter((item) => item.kind === kind)
  }

  async write(changes: readonly DocumentChange[], options: WriteOptions): Promise<WriteResult> {
    const before = this.before
    this.before = undefined
    await before?.()
    if (this.failure !== undefined) throw this.failure
    for (const { kind, id, ifRevision } of changes) {
      if (ifRevision !== undefined && (this.get(kind, id)?.revision ?? 0) !== ifRevision)
        return { conflict: keyOf(kind, id) }
    }
    const next = new Map(this.state)
    for (const change of changes) {
      const key = keyOf(change.kind, change.id)
      const item = this.itemOf(change)
      if (item === undefined) next.delete(key)
      else next.set(key, item)
    }
    const problems = await this.check(next, options.force === true)
    if (problems.length > 0) return { problems }
    const differences = differencesOf(this.state, next)
    const items = changes.flatMap(({ kind, id }) => next.get(keyOf(kind, id)) ?? [])
    if (options.dryRun === true) return { revision: this.revision, items, changes: differences }
    if (changes.some(({ value }) => value !== undefined) || differences.length > 0)
      this.commit(next, differences, options)
    return { revision: this.revision, items, changes: differences }
  }

  replaceAll(documents: readonly DocumentChange[], options: WriteOptions): Promise<WriteResult> {
    const kept = new Set(documents.map(({ kind, id }) => keyOf(kind, id)))
    const gone = [...this.state]
      .filter(([key]) => !kept.has(key))
      .map(([, { kind, id }]) => ({ kind, id, value: undefined }))
    const changed = documents.filter(({ kind, id, value }) => {
      const before = this.get(kind, id)
      return (
        before === undefined || !isDeepStrictEqual(content(before.value), content({ [idField(kind)]: id, ...value }))
      )
    })
    return this.write([...changed, ...gone], options)
  }

  history({ before = Infinity, limit }: { before?: number; limit: number }): Promise<readonly HistoryEntry[]> {
    const found = this.entries.filter(({ revision }) => revision < before)
    return Promise.resolve(found.toReversed().slice(0, limit))
  }

  diff(from: number, to: number): Promise<readonly ResourceDifference[] | undefined> {
    const [a, b] = [this.states[from], this.states[to]]
    return Promise.resolve(a === undefined || b === undefined ? undefined : differencesOf(a, b))
  }

  rollback(
    revision: number,
    only: { kind: ResourceKind; id: string } | undefined,
    options: WriteOptions,
  ): Promise<WriteResult> {
    const state = this.states[revision]
    if (state === undefined)
      return Promise.resolve({
        problems: [problem('', `revision ${revision} is not known: it is yet to come, or its history is gone`)],
      })
    const old = ({ kind, id, value: { update_time: _updated, ...value } }: Item): DocumentChange => ({
      kind,
      id,
      value,
    })
    if (only === undefined) return this.replaceAll([...state.values()].map(old), options)
    const item = state.get(keyOf(only.kind, only.id))
    return this.write([item === undefined ? { ...only, value: undefined } : old(item)], options)
  }

  onChange(listener: Parameters<ControlPlane['onChange']>[0]): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private itemOf({ kind, id, value }: DocumentChange): Item | undefined {
    if (value === undefined) return undefined
    const before = this.get(kind, id)
    const now = Math.floor(Date.now() / 1_000)
    const times =
      kind === 'plugin_metadata' ? {} : { create_time: before?.value['create_time'] ?? now, update_time: now }
    const revision = this.revision + 1
    const written: Document = { [idField(kind)]: id, ...times, ...restoreMasked(value, before?.value) }
    return { kind, id, value: written, createRevision: before?.createRevision ?? revision, revision }
  }

  private async check(state: State, force: boolean): Promise<ConfigProblem[]> {
    const lists = Object.fromEntries(RESOURCE_KINDS.map((kind) => [kind, [] as Document[]]))
    const keys = new Map<string, string>()
    for (const { kind, id, value } of state.values()) {
      keys.set(`/${kind}/${lists[kind]!.length}`, `/${kind}/${pointerPart(id)}`)
      lists[kind]!.push(value)
    }
    const findings = new Findings()
    await validateDocument(lists, 'sekisho.yaml', { plugins: this.plugins, environment: {} }, findings)
    if (force) return []
    return findings.list.map(({ path, value, message, remedy }) => {
      const index = path.split('/').slice(0, 3).join('/')
      return { ...problem((keys.get(index) ?? index) + path.slice(index.length), message), value, remedy }
    })
  }

  private commit(next: State, differences: readonly ResourceDifference[], { author }: WriteOptions): void {
    this.state = next
    this.revision++
    this.states.push(next)
    const text = (document: Document | undefined): string | undefined => document && JSON.stringify(document)
    this.entries.push({
      revision: this.revision,
      time: Date.now(),
      author,
      changes: differences.map(({ kind, id, before, after }) => ({
        key: keyOf(kind, id),
        before: text(before),
        after: text(after),
      })),
    })
    for (const listener of this.listeners) listener({ revision: this.revision, differences })
  }
}

/** What a document says, but for when. */
function content({ create_time: _created, update_time: _updated, ...rest }: Document): Document {
  return { ...rest, id: idText(rest['id']) }
}

const problem = (path: string, message: string): ConfigProblem => ({
  file: '',
  line: 0,
  column: 0,
  path,
  value: undefined,
  message,
  remedy: undefined,
  source: undefined,
})

function differencesOf(a: State, b: State): ResourceDifference[] {
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((key) => {
    const [before, after] = [a.get(key), b.get(key)]
    if (isDeepStrictEqual(before?.value, after?.value)) return []
    const { kind, id } = (before ?? after)!
    return [{ kind, id, before: before?.value, after: after?.value }]
  })
}

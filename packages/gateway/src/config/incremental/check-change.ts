import { idField, writtenId } from '../../resources/identity.ts'
import { KIND_SINGULAR, type ResourceKind } from '../../resources/kind-names.ts'
import { schemaOf } from '../../resources/kinds.ts'
import { kept } from '../../resources/resource-set.ts'
import type { Secret } from '../../resources/secret.ts'
import { checkRelations, checkResources } from '../checks/check-resources.ts'
import type { CheckContext, Entry, Item } from '../checks/entry.ts'
import { checkProtoUses, compileProtos } from '../checks/protos.ts'
import { explainSchema } from '../explain/explain.ts'
import { type Finding, Findings, pointerPart } from '../problem.ts'
import { type ReferenceOptions, ResourceReferences } from '../references/resource-references.ts'
import type { WantedSecret } from '../references/secret-reference.ts'
import { ChangedResources, type ChangedEntry, withoutMissing } from './changed-resources.ts'
import type { ResourceIndex } from './resource-index.ts'
import { type ResourceKey, resourceKey } from './resource-key.ts'

/** One resource set, or removed (`value` undefined). */
export interface ResourceWrite {
  readonly kind: ResourceKind
  readonly id: string
  /** As it was written, with its references. */
  readonly value: unknown
}

export interface ChangeOptions extends Pick<CheckContext, 'plugins' | 'allowed' | 'settings'> {
  /** What is in force. It is not changed here. */
  readonly index: ResourceIndex
  readonly references: ReferenceOptions
  /** Whether a resource may refer to what is not there, and what others refer to may be removed. */
  readonly dangling: 'refused' | 'removals' | 'accepted'
}

/** What a change comes to. */
export interface CheckedChange {
  /** Everything that is wrong; paths begin with kind and id: `/routes/hello/uri`. Then nothing of the change may be applied. */
  readonly findings: readonly Finding[]
  /** What is set, with references resolved, in the order of the writes. */
  readonly entries: readonly Entry[]
  /** Absolute paths of the files that it names, also of those that are not there. */
  readonly files: ReadonlySet<string>
  /** Secrets that it names and that are not known, which is a finding of each: to be read before it is checked again. */
  readonly unread: readonly WantedSecret[]
}

/**
 * Checks a change against what is in force: the resources that it sets, and those that refer to what it touches. Finds what a check of the
 * whole would find, in time that depends on the change.
 */
export async function checkChange(writes: readonly ResourceWrite[], options: ChangeOptions): Promise<CheckedChange> {
  const findings = new Findings()
  const changed = new Map<ResourceKey, ChangedEntry>()
  const managers = new Map<string, Item | undefined>()
  const references = new ResourceReferences(
    options.references,
    findings,
    (id) => (managers.has(id) ? managers.get(id) : options.index.item('secrets', id)) as Secret | undefined,
  )
  // Wherever they stand in the change: others are read from them.
  const secrets = new Map<ResourceWrite, Entry | undefined>()
  for (const write of writes) {
    if (write.kind !== 'secrets' || findings.full) continue
    const entry = write.value === undefined ? undefined : read(write, references, findings)
    secrets.set(write, entry)
    managers.set(write.id, entry?.item)
  }
  const passed: Entry[] = []
  for (const write of writes) {
    if (findings.full) break
    const { value } = write
    const known = (): Entry | undefined =>
      write.kind === 'secrets' ? secrets.get(write) : read(write, references, findings)
    const entry = value === undefined ? undefined : (known() ?? 'invalid')
    changed.set(resourceKey(write.kind, write.id), entry)
    if (typeof entry === 'object') passed.push(entry)
  }
  const entries = await compileProtos(passed, findings)
  for (const entry of entries) changed.set(resourceKey(entry.kind, entry.id), entry)
  const known = new ChangedResources(options.index, changed)
  const lenient = withoutMissing(known)
  const { plugins, allowed, settings, dangling } = options
  const context: CheckContext = {
    entries,
    known: dangling === 'accepted' ? lenient : known,
    claims: known,
    plugins,
    allowed,
    settings,
    findings,
  }
  checkResources(context)
  await checkProtoUses(entries, context.known, findings)
  const touched = referrers(options.index, changed)
  for (const entry of touched) checkRelations({ ...context, known: lenient }, entry)
  await checkProtoUses(touched, lenient, findings)
  if (dangling === 'refused') checkRemovals(options.index, changed, findings)
  references.mask()
  return { findings: findings.list, entries, files: references.files, unread: references.unread }
}

function read(
  { kind, id, value }: ResourceWrite,
  references: ResourceReferences,
  findings: Findings,
): Entry | undefined {
  const path = `/${kind}/${pointerPart(id)}`
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value)
  const written = isObject ? writtenId(kind, value as Item) : undefined
  const item = isObject && written === undefined ? { [idField(kind)]: id, ...value } : value
  const found = explainSchema(schemaOf(kind, item), item, path)
  for (const finding of found) findings.add(finding)
  if (found.length > 0) return undefined
  if (written !== undefined && written !== id) {
    findings.add({
      path: `${path}/${idField(kind)}`,
      value: JSON.stringify(written),
      message: `is not the ${idField(kind)} that the ${KIND_SINGULAR[kind]} is written under`,
      remedy: `write ${JSON.stringify(id)}, or leave it out`,
    })
    return undefined
  }
  return references.resolve({ kind, id, item: kept(kind, id, item as Item), path })
}

/** What was there before and has to be looked at again: it refers to what changes, or to a service that does. */
function referrers(index: ResourceIndex, changed: ReadonlyMap<ResourceKey, unknown>): Entry[] {
  const found = new Map<ResourceKey, Entry>()
  const collect = (target: ResourceKey): void => {
    for (const entry of index.referrersOf(target)) {
      const key = resourceKey(entry.kind, entry.id)
      if (changed.has(key) || found.has(key)) continue
      found.set(key, entry)
      if (entry.kind === 'services') collect(key)
    }
  }
  for (const key of changed.keys()) collect(key)
  return [...found.values()]
}

/** How many of those that refer to something are named. */
const NAMED = 3

/** What others refer to stays. */
function checkRemovals(
  index: ResourceIndex,
  changed: ReadonlyMap<ResourceKey, ChangedEntry>,
  findings: Findings,
): void {
  for (const [key, entry] of changed) {
    const slash = key.indexOf('/')
    const removed: [ResourceKind, string] = [key.slice(0, slash) as ResourceKind, key.slice(slash + 1)]
    if (entry !== undefined || !index.has(...removed)) continue
    const users = [...index.referrersOf(key)].filter(({ kind, id }) => !changed.has(resourceKey(kind, id)))
    if (users.length === 0) continue
    const named = users.slice(0, NAMED).map(({ kind, id }) => `${KIND_SINGULAR[kind]} "${id}"`)
    const more = users.length > NAMED ? ` and ${users.length - NAMED} more` : ''
    findings.add({
      path: `/${removed[0]}/${pointerPart(removed[1])}`,
      message: `cannot be deleted: ${named.join(', ')}${more} still ${users.length === 1 ? 'refers' : 'refer'} to it`,
      remedy: 'change or delete what refers to it first, or delete it by force',
    })
  }
}

import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import { claimsOf, holderText } from '../checks/check-claims.ts'
import { ACME_HOLDER, serverNameClaim } from '../checks/claims.ts'
import type { Entry, Item } from '../checks/entry.ts'
import type { KnownResources } from '../checks/known-resources.ts'
import type { PluginLookup } from '../plugin-lookup.ts'
import { referencesOf } from './references-of.ts'
import { type ResourceKey, resourceKey } from './resource-key.ts'

/** What the index remembers of a resource, so that it can forget it. */
interface Known {
  readonly entry: Entry
  readonly targets: ReadonlySet<ResourceKey>
  readonly claims: readonly string[]
}

/**
 * Resources that are valid together, with who refers to whom and who holds what: a change is checked against these in time that depends on
 * what it touches, not on how many there are. What is added here has been checked.
 */
export class ResourceIndex implements KnownResources {
  private readonly kinds = new Map<ResourceKind, Map<string, Known>>(RESOURCE_KINDS.map((kind) => [kind, new Map()]))
  private readonly referring = new Map<ResourceKey, Set<ResourceKey>>()
  private readonly holders = new Map<string, Entry>()
  /** Written, but not valid. */
  private readonly refused = new Map<ResourceKind, Set<string>>()
  private readonly domains: ReadonlySet<string>

  /** @param domains names that certificates from ACME are for */
  constructor(domains: readonly string[] = []) {
    this.domains = new Set(domains.map(serverNameClaim))
  }

  has(kind: ResourceKind, id: string): boolean {
    return this.kinds.get(kind)!.has(id) || this.refused.get(kind)?.has(id) === true
  }

  *ids(kind: ResourceKind): Iterable<string> {
    yield* this.kinds.get(kind)!.keys()
    yield* this.refused.get(kind) ?? []
  }

  item(kind: ResourceKind, id: string): Item | undefined {
    return this.kinds.get(kind)!.get(id)?.entry.item
  }

  entry(kind: ResourceKind, id: string): Entry | undefined {
    return this.kinds.get(kind)!.get(id)?.entry
  }

  entries(kind: ResourceKind): Iterable<Entry> {
    return [...this.kinds.get(kind)!.values()].map(({ entry }) => entry)
  }

  /** Those that refer to it, whether or not it is there. */
  referrersOf(key: ResourceKey): Iterable<Entry> {
    return [...(this.referring.get(key) ?? [])].map((referrer) => this.byKey(referrer)!.entry)
  }

  /** Who holds a claim, in words; `except`: as if that one did not. */
  holderOf(claim: string, except: (key: ResourceKey) => boolean): string | undefined {
    if (this.domains.has(claim)) return ACME_HOLDER
    const holder = this.holders.get(claim)
    return holder === undefined || except(resourceKey(holder.kind, holder.id)) ? undefined : holderText(holder)
  }

  /** The resource that holds a claim. */
  holder(claim: string): ResourceKey | undefined {
    const holder = this.holders.get(claim)
    return holder && resourceKey(holder.kind, holder.id)
  }

  set(entry: Entry, plugins: PluginLookup): void {
    const key = resourceKey(entry.kind, entry.id)
    this.delete(entry.kind, entry.id)
    const targets = referencesOf(entry, plugins)
    const claims = claimsOf(entry, plugins).map(({ name }) => name)
    this.kinds.get(entry.kind)!.set(entry.id, { entry, targets, claims })
    for (const target of targets) {
      const referrers = this.referring.get(target)
      if (referrers === undefined) this.referring.set(target, new Set([key]))
      else referrers.add(key)
    }
    for (const claim of claims) this.holders.set(claim, entry)
  }

  delete(kind: ResourceKind, id: string): void {
    const known = this.kinds.get(kind)!.get(id)
    if (known === undefined) return
    this.kinds.get(kind)!.delete(id)
    const key = resourceKey(kind, id)
    for (const target of known.targets) {
      const referrers = this.referring.get(target)
      referrers?.delete(key)
      if (referrers?.size === 0) this.referring.delete(target)
    }
    for (const claim of known.claims) if (this.holders.get(claim) === known.entry) this.holders.delete(claim)
  }

  /** Remembers that there is one of this name, though it is not valid. */
  setRefused(kind: ResourceKind, id: string, refused: boolean): void {
    const ids = this.refused.get(kind)
    if (!refused) ids?.delete(id)
    else if (ids === undefined) this.refused.set(kind, new Set([id]))
    else ids.add(id)
  }

  private byKey(key: ResourceKey): Known | undefined {
    const slash = key.indexOf('/')
    return this.kinds.get(key.slice(0, slash) as ResourceKind)!.get(key.slice(slash + 1))
  }
}

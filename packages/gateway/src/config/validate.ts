import { dirname, resolve } from 'node:path'
import { KIND_SINGULAR, RESOURCE_KINDS, type ResourceKind } from '../resources/kind-names.ts'
import { schemaOf } from '../resources/kinds.ts'
import { emptyResourceSet, kept, type ResourceSet } from '../resources/resource-set.ts'
import { checkResources } from './checks/check-resources.ts'
import { DocumentClaims } from './checks/claims.ts'
import type { Entry } from './checks/entry.ts'
import { identify } from './checks/identities.ts'
import { DocumentResources } from './checks/known-resources.ts'
import { checkProtoUses, compileProtos } from './checks/protos.ts'
import { checkAllowedPlugins, checkSettings } from './checks/settings.ts'
import { checkAcmeListeners, checkTlsListeners } from './checks/tls-listeners.ts'
import { ConfigDocument } from './document.ts'
import { resolveReferences } from './env-references.ts'
import type { Environment } from './environment.ts'
import { explainSchema } from './explain/explain.ts'
import type { PluginLookup } from './plugin-lookup.ts'
import { type Finding, Findings } from './problem.ts'
import { type NodeSettings, nodeSettings } from './settings/node-settings.ts'
import type { Settings } from './settings/settings.ts'
import type { Operation } from '../store/store.ts'
import { ResourceReferences } from './references/resource-references.ts'
import { managersIn, type SecretValues, type WantedSecret } from './references/secret-reference.ts'
import type { Secret } from '../resources/secret.ts'
import { trustScripts } from '../scripts/trusted-scripts.ts'

export interface ValidationOptions {
  /** All plugins, or what finds them once it is known where to look (`plugin_paths`) and which are configured. */
  readonly plugins:
    | PluginLookup
    | ((settings: NodeSettings, configured: readonly Operation[]) => PluginLookup | Promise<PluginLookup>)
  readonly environment: Environment
  /** Asks secret managers; left out: they are not asked, and what depends on them is not checked. */
  readonly readSecrets?: (wanted: readonly WantedSecret[]) => Promise<SecretValues>
}

/** A configuration in which nothing is wrong. */
export interface ValidConfiguration {
  readonly settings: NodeSettings
  readonly resources: ResourceSet
  /** Files that certificates and keys were read from: a change of one is a change of the configuration. */
  readonly files: readonly string[]
  /** Secrets that resources refer to. */
  readonly secrets: readonly WantedSecret[]
  /** Resources that are left out because their secrets could not be read. */
  readonly withoutSecrets: readonly WithoutSecrets[]
}

/** A resource that waits for its secrets, and why. */
export interface WithoutSecrets {
  readonly kind: ResourceKind
  readonly id: string
  readonly findings: readonly Finding[]
}

type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/**
 * Checks a whole document: schemas first, then what they cannot say. Findings go to `findings`; the result is undefined
 * when there are any. `file` is what relative paths in the settings are relative to.
 */
export async function validateDocument(
  value: unknown,
  file: string,
  options: ValidationOptions,
  findings: Findings,
): Promise<ValidConfiguration | undefined> {
  if (!isObject(value)) {
    const empty = value === null || value === undefined
    // An editor that truncates before it writes must not switch everything off.
    findings.add({ path: '', message: empty ? 'is empty' : 'must be an object with keys as "listen" and "routes"' })
    return undefined
  }
  const settings = readSettings(value, options.environment, findings)
  const files = { folder: dirname(resolve(file)), within: undefined }
  const { environment } = options
  const managers = new Map<string, Secret>()
  const manager = (id: string): Secret | undefined => managers.get(id)
  const secrets = await readSecrets(value, options, { environment, files })
  const withSecrets = secrets === undefined ? {} : { secrets }
  const references = new ResourceReferences({ environment, files, ...withSecrets }, findings, manager)
  const read = readResources(value, references, findings, managers)
  const entries = await compileProtos(read.entries, findings)
  const known = new DocumentResources(entries, read.ids)
  await checkProtoUses(entries, known, findings)
  const complete = settings && nodeSettings(settings, file)
  if (complete !== undefined) {
    checkNoResources(value, complete, findings)
    trustScripts({ ...complete.scripts, isStored: complete.store.type !== 'file' })
    const plugins = await findPlugins(options, complete, entries, findings)
    if (plugins === undefined) return undefined
    const allowed = complete.plugins && new Set(complete.plugins)
    const claims = new DocumentClaims(complete.acme?.domains ?? [])
    const context = { entries, known, claims, plugins, allowed, settings: complete, findings }
    checkAllowedPlugins(context, complete.plugins ?? [])
    checkResources(context)
    checkTlsListeners(complete, entries, findings)
    checkAcmeListeners(complete, findings)
  }
  references.mask()
  if (complete === undefined || findings.list.length > 0) return undefined
  return {
    settings: complete,
    resources: resourceSet(entries),
    files: [...references.files],
    secrets: references.secrets,
    withoutSecrets: read.withoutSecrets,
  }
}

/** Which of two routes of the same id would hold, nobody could tell; and what an editor saves would undo what the Admin API did. */
function checkNoResources(document: Fields, { store }: NodeSettings, findings: Findings): void {
  if (store.type === 'file') return
  for (const kind of RESOURCE_KINDS) {
    const list = document[kind]
    if (!Array.isArray(list) || list.length === 0) continue
    findings.add({
      path: `/${kind}`,
      atKey: true,
      message: `are kept in the store ("store: { type: ${store.type} }"), and cannot be in this file`,
      remedy: `move them to a file of their own and run "sekisho apply -f FILE", or remove "store"`,
    })
  }
}

/** Plugins of the user may fail to load: that is a problem of the configuration which asks for them. */
async function findPlugins(
  { plugins }: ValidationOptions,
  settings: NodeSettings,
  entries: readonly Entry[],
  findings: Findings,
): Promise<PluginLookup | undefined> {
  if (typeof plugins !== 'function') return plugins
  try {
    return await plugins(
      settings,
      entries.map(({ kind, id, item }) => ({ kind, id, value: item }) as Operation),
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    findings.add({ path: '/plugin_paths', message: `the plugins cannot be loaded: ${reason}` })
    return undefined
  }
}

/** The settings, when nothing is wrong with them. */
function readSettings(document: Fields, environment: Environment, findings: Findings): Settings | undefined {
  const before = findings.list.length
  const settings: Fields = {}
  const lists: Fields = {}
  for (const [key, value] of Object.entries(document)) {
    if (key in KIND_SINGULAR) lists[key] = value
    else settings[key] = resolveReferences(value, environment, `/${key}`, findings)
  }
  for (const finding of explainSchema(ConfigDocument, { ...settings, ...lists }, '')) findings.add(finding)
  if (findings.list.length === before) checkSettings(findings, settings as Settings)
  return findings.list.length === before ? (settings as Settings) : undefined
}

/** What the secrets of a document stand for, where managers may be asked. */
async function readSecrets(
  document: Fields,
  { readSecrets: ask }: ValidationOptions,
  options: ConstructorParameters<typeof ResourceReferences>[0],
): Promise<SecretValues | undefined> {
  if (ask === undefined || managersIn(document).size === 0) return undefined
  // Read twice: what is wrong with it is told the second time.
  const managers = new Map<string, Secret>()
  const findings = new Findings()
  const nothing: SecretValues = { get: () => undefined }
  const references = new ResourceReferences({ ...options, secrets: nothing }, findings, (id) => managers.get(id))
  readResources(document, references, findings, managers)
  return ask(references.unread)
}

/** All resources that are as their schemas say, and the ids of all. */
function readResources(
  document: Fields,
  references: ResourceReferences,
  findings: Findings,
  managers: Map<string, Secret>,
): { entries: Entry[]; ids: Map<ResourceKind, ReadonlySet<string>>; withoutSecrets: WithoutSecrets[] } {
  const entries: Entry[] = []
  const withoutSecrets: WithoutSecrets[] = []
  const ids = new Map<ResourceKind, ReadonlySet<string>>()
  for (const kind of RESOURCE_KINDS) {
    const list = document[kind]
    const items: [Fields, number][] = []
    const wrong = new Set<unknown>()
    for (const [index, item] of (Array.isArray(list) ? list : []).entries()) {
      if (findings.full) break
      const found = explainSchema(schemaOf(kind, item), item, `/${kind}/${index}`)
      for (const finding of found) findings.add(finding)
      if (found.length > 0) wrong.add(item)
      if (isObject(item)) items.push([item, index])
    }
    const identified = identify(kind, items, findings)
    ids.set(kind, new Set(identified.map(({ id }) => id)))
    for (const entry of identified) {
      if (wrong.has(entry.item)) continue
      const before = findings.list.length
      const resolved = references.resolve(entry)
      if (resolved !== undefined) {
        entries.push(resolved)
        if (kind === 'secrets') managers.set(entry.id, resolved.item as Secret)
      } else if (findings.list.slice(before).every(({ path }) => references.unreadable.has(path)))
        withoutSecrets.push({ kind, id: entry.id, findings: findings.list.splice(before) })
    }
  }
  return { entries, ids, withoutSecrets }
}

function resourceSet(entries: readonly Entry[]): ResourceSet {
  const resources = emptyResourceSet()
  for (const { kind, id, item } of entries) (resources[kind] as Map<string, unknown>).set(id, kept(kind, id, item))
  return resources
}

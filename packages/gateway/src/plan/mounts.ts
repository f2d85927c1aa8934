import type { Consumer } from '../consumers/consumer-directory.ts'
import type { ConsumerStore } from '../consumers/consumer-store.ts'
import type { MountPlace, PluginContext, PluginLogger } from '../plugins/context.ts'
import { NestedTarget } from '../gateway/nested-target.ts'
import type { UpstreamTable } from '../gateway/upstream-table.ts'
import type { NestedUpstream, PluginApi, PluginDefinition, PluginHooks } from '../plugins/definition.ts'
import { withDefaults } from '../resources/defaults.ts'
import type { Proto } from '../resources/proto.ts'
import type { PluginMeta, PluginSet } from '../resources/plugin-set.ts'
import { mountedPlugin, type MountedPlugin } from './mounted-plugin.ts'

/** What plugins get of their worker. */
export type WorkerServices = Pick<
  PluginContext,
  'counters' | 'inFlight' | 'workerIndex' | 'metrics' | 'renderMetrics' | 'engine' | 'caches'
>

export interface MountsOptions {
  /** The plugins there are. */
  readonly plugins: { get(name: string): PluginDefinition | undefined; names(): readonly string[] }
  /** Those of the worker. */
  readonly upstreams: UpstreamTable
  /** Names of the plugins that this node allows; undefined: all. */
  readonly allowed?: readonly string[] | undefined
  readonly consumers: ConsumerStore
  readonly services: WorkerServices
  readonly logger: PluginLogger
  /** The `plugin_metadata` of a plugin as it was written. */
  readonly metadata: (plugin: string) => unknown
  readonly proto: (id: string) => Proto | undefined
}

interface Mount {
  /** What was written: the same text means that the instance can stay, with all that it has learnt. */
  readonly written: string
  readonly mounted: MountedPlugin
  /** The plugins within. */
  readonly within: ReadonlySet<string>
  /** Releases the instance. */
  readonly dispose: () => void
}

interface Instance {
  readonly hooks: PluginHooks
  /** Names of the plugins within, at any depth. */
  readonly within: ReadonlySet<string>
  readonly dispose: () => void
}

/** An instance that several places use. */
interface SharedInstance {
  readonly instance: Instance
  places: number
}

/** Of an address that a plugin answers itself. */
type Answer = ReturnType<PluginApi['create']>

/**
 * The plugin instances of one worker. Each place (a route, a service, …) has its own; it is made when a request first needs
 * it and stays while its configuration does, whatever else changes on the resource.
 */
export class Mounts {
  private readonly places = new Map<string, Map<string, Mount>>()
  /** Of placeless plugins, by name and configuration. */
  private readonly shared = new Map<string, SharedInstance>()
  /** What `bringsNothing` found; a consumer whose configuration changes is another object. */
  private plainConsumers = new WeakMap<Consumer, boolean>()
  /** What plugins answer themselves, by method and path; made when the first request asks. */
  private apis: Map<string, Answer> | undefined
  private readonly options: MountsOptions

  constructor(options: MountsOptions) {
    this.options = options
  }

  /** The plugins of a place that are not disabled. */
  at(place: MountPlace, plugins: PluginSet): MountedPlugin[] {
    const names = Object.keys(plugins)
    if (names.length === 0) return []
    const key = `${place.kind}/${place.id}`
    let known = this.places.get(key)
    if (known === undefined) this.places.set(key, (known = new Map()))
    for (const [name, mount] of known) {
      if (plugins[name] === undefined) dismount(known, name, mount)
    }
    const mounted: MountedPlugin[] = []
    for (const name of names) {
      const plugin = this.mount(known, place, name, plugins[name])
      if (plugin !== undefined) mounted.push(plugin)
    }
    return mounted
  }

  /** Whether a plugin recognises callers: its configuration on a consumer is a credential. */
  isAuth(name: string): boolean {
    return this.options.plugins.get(name)?.type === 'auth'
  }

  /** Whether a consumer has neither a group nor plugins besides its credentials. */
  bringsNothing(consumer: Consumer): boolean {
    let nothing = this.plainConsumers.get(consumer)
    if (nothing === undefined) {
      nothing = consumer.groupId === undefined && Object.keys(consumer.plugins).every((name) => this.isAuth(name))
      this.plainConsumers.set(consumer, nothing)
    }
    return nothing
  }

  /** The resource is gone. */
  removePlace(kind: MountPlace['kind'], id: string): void {
    const key = `${kind}/${id}`
    const known = this.places.get(key)
    if (known === undefined) return
    for (const [name, mount] of known) dismount(known, name, mount)
    this.places.delete(key)
  }

  /** The plugin's metadata or its code changed: all its instances are made anew when they are next needed. */
  removePlugin(name: string): void {
    this.plainConsumers = new WeakMap()
    this.apis = undefined
    for (const [key, { instance }] of this.shared)
      if (key.startsWith(`${name}\0`) || instance.within.has(name)) this.shared.delete(key)
    for (const known of this.places.values()) {
      for (const [holder, mount] of known) if (holder === name || mount.within.has(name)) dismount(known, holder, mount)
    }
  }

  /** What a plugin answers itself. */
  private api(method: string, path: string): Answer | undefined {
    this.apis ??= this.collectApis()
    return this.apis.get(`${method} ${path}`)
  }

  private collectApis(): Map<string, Answer> {
    const { plugins, allowed } = this.options
    const found = new Map<string, Answer>()
    for (const name of plugins.names()) {
      if (allowed?.includes(name) === false) continue
      const definition = plugins.get(name)
      for (const api of definition?.apis ?? []) {
        const place: MountPlace = { kind: 'plugin_metadata', id: name }
        const answer = api.create(this.contextOf(definition!, place, `plugin_metadata/${name}`, NOTHING_WITHIN))
        for (const method of api.methods) found.set(`${method} ${api.uri}`, answer)
      }
    }
    return found
  }

  private mount(
    known: Map<string, Mount>,
    place: MountPlace,
    name: string,
    config: PluginSet[string],
  ): MountedPlugin | undefined {
    const definition = this.options.plugins.get(name)
    const meta = config['_meta'] as PluginMeta | undefined
    if (definition === undefined || meta?.disable === true) return undefined
    const written = JSON.stringify(config)
    const existing = known.get(name)
    if (existing?.written === written) return existing.mounted
    const { _meta: _, ...own } = config
    const { hooks, within, dispose } = this.instanceOf(definition, place, own, `${place.kind}/${place.id}`)
    const mounted = mountedPlugin(definition, place, meta, hooks)
    if (existing !== undefined) dismount(known, name, existing)
    known.set(name, { written, mounted, within, dispose })
    return mounted
  }

  private instanceOf(definition: PluginDefinition, place: MountPlace, config: object, scope: string): Instance {
    return definition.placeless
      ? this.sharedInstance(definition, place, config, scope)
      : this.ownInstance(definition, place, config, scope)
  }

  private ownInstance(definition: PluginDefinition, place: MountPlace, config: object, scope: string): Instance {
    const nested: Instance[] = []
    const within = new Set<string>()
    const targets: NestedTarget[] = []
    const disposeNested = (): void => {
      for (const { dispose } of nested) dispose()
      for (const target of targets) target.dispose()
    }
    const upstream = (inner: NestedUpstream): NestedTarget => {
      const target = new NestedTarget(this.options.upstreams, `${scope}/plugins/${definition.name}${inner.path}`, inner)
      targets.push(target)
      return target
    }
    const instance = (name: string, inner: object): PluginHooks => {
      const inside = this.options.plugins.get(name)
      if (inside === undefined) throw new Error(`there is no plugin "${name}" for ${definition.name} in ${scope}`)
      // Their shared keys must not meet, neither with each other nor with those of the same plugin on the place itself.
      const made = this.instanceOf(inside, place, inner, `${scope}/${definition.name}/${nested.length}`)
      nested.push(made)
      within.add(name)
      for (const deeper of made.within) within.add(deeper)
      return made.hooks
    }
    try {
      const filled = withDefaults(definition.schema, config)
      const hooks = definition.create(filled, this.contextOf(definition, place, scope, { instance, upstream }))
      const dispose = (): void => {
        hooks.dispose?.()
        disposeNested()
      }
      return { hooks, within, dispose }
    } catch (error) {
      disposeNested()
      throw error
    }
  }

  /**
   * A thousand routes with `key-auth: {}` use one instance: less memory, and what a request touches is in the processor's cache
   * already (1,000 routes with three plugins each: a fifth less CPU time per request).
   */
  private sharedInstance(definition: PluginDefinition, place: MountPlace, config: object, scope: string): Instance {
    const key = `${definition.name}\0${JSON.stringify(config)}`
    const used = this.shared.get(key) ?? { instance: this.ownInstance(definition, place, config, scope), places: 0 }
    this.shared.set(key, used)
    used.places++
    const { instance } = used
    const dispose = (): void => {
      if (--used.places > 0) return
      if (this.shared.get(key) === used) this.shared.delete(key)
      instance.dispose()
    }
    return { hooks: instance.hooks, within: instance.within, dispose }
  }

  private contextOf(
    definition: PluginDefinition,
    place: MountPlace,
    scope: string,
    within: Pick<PluginContext, 'instance' | 'upstream'>,
  ): PluginContext {
    const { consumers, services, logger, metadata, proto } = this.options
    const written = metadata(definition.name) ?? {}
    return {
      ...services,
      place,
      scope,
      metadata: definition.metadataSchema === undefined ? written : withDefaults(definition.metadataSchema, written),
      consumers: consumers.directoryFor(definition),
      proto,
      logger,
      ...within,
      api: (method, path) => this.api(method, path),
    }
  }
}

const nothingWithin = (): never => {
  throw new Error('what a plugin answers itself has no plugins and no upstreams within')
}
const NOTHING_WITHIN = { instance: nothingWithin, upstream: nothingWithin }

function dismount(known: Map<string, Mount>, name: string, mount: Mount): void {
  known.delete(name)
  mount.dispose()
}

import type { Consumer } from '../consumers/consumer-directory.ts'
import type { ConsumerStore } from '../consumers/consumer-store.ts'
import type { MountPlace, PluginContext, PluginLogger } from '../plugins/context.ts'
import type { PluginDefinition, PluginHooks } from '../plugins/definition.ts'
import { withDefaults } from '../resources/defaults.ts'
import type { Proto } from '../resources/proto.ts'
import type { PluginMeta, PluginSet } from '../resources/plugin-set.ts'
import { mountedPlugin, type MountedPlugin } from './mounted-plugin.ts'

/** What plugins get of their worker. */
export type WorkerServices = Pick<
  PluginContext,
  'counters' | 'inFlight' | 'workerIndex' | 'metrics' | 'engine' | 'caches'
>

export interface MountsOptions {
  /** The plugins this node allows, by name. */
  readonly plugins: { get(name: string): PluginDefinition | undefined }
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
  /** Releases the instance. */
  readonly dispose: () => void
}

interface Instance {
  readonly hooks: PluginHooks
  readonly dispose: () => void
}

/** An instance that several places use. */
interface SharedInstance {
  readonly hooks: PluginHooks
  places: number
}

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
    for (const key of this.shared.keys()) if (key.startsWith(`${name}\0`)) this.shared.delete(key)
    for (const known of this.places.values()) {
      const mount = known.get(name)
      if (mount !== undefined) dismount(known, name, mount)
    }
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
    const { hooks, dispose } = definition.placeless
      ? this.sharedInstance(definition, place, own)
      : this.ownInstance(definition, place, own)
    const mounted = mountedPlugin(definition, place, meta, hooks)
    if (existing !== undefined) dismount(known, name, existing)
    known.set(name, { written, mounted, dispose })
    return mounted
  }

  private ownInstance(definition: PluginDefinition, place: MountPlace, config: object): Instance {
    const hooks = definition.create(withDefaults(definition.schema, config), this.contextOf(definition, place))
    return { hooks, dispose: () => hooks.dispose?.() }
  }

  /**
   * A thousand routes with `key-auth: {}` use one instance: less memory, and what a request touches is in the processor's cache
   * already (1,000 routes with three plugins each: a fifth less CPU time per request).
   */
  private sharedInstance(definition: PluginDefinition, place: MountPlace, config: object): Instance {
    const key = `${definition.name}\0${JSON.stringify(config)}`
    let instance = this.shared.get(key)
    if (instance === undefined) {
      instance = { hooks: this.ownInstance(definition, place, config).hooks, places: 0 }
      this.shared.set(key, instance)
    }
    const { hooks } = instance
    instance.places++
    const used = instance
    const dispose = (): void => {
      if (--used.places > 0) return
      if (this.shared.get(key) === used) this.shared.delete(key)
      hooks.dispose?.()
    }
    return { hooks, dispose }
  }

  private contextOf(definition: PluginDefinition, place: MountPlace): PluginContext {
    const { consumers, services, logger, metadata, proto } = this.options
    const written = metadata(definition.name) ?? {}
    return {
      ...services,
      place,
      scope: `${place.kind}/${place.id}`,
      metadata: definition.metadataSchema === undefined ? written : withDefaults(definition.metadataSchema, written),
      consumers: consumers.directoryFor(definition),
      proto,
      logger,
    }
  }
}

function dismount(known: Map<string, Mount>, name: string, mount: Mount): void {
  known.delete(name)
  mount.dispose()
}

import type { Consumer as ConsumerResource } from '../resources/index.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import type { PluginSet } from '../resources/plugin-set.ts'
import { withDefaults } from '../resources/defaults.ts'
import type { Consumer, ConsumerDirectory, ConsumerMatch } from './consumer-directory.ts'

/** All consumers of one worker, found by name and by what auth plugins recognise them by. */
export class ConsumerStore {
  private readonly byUsername = new Map<string, Consumer>()
  /** One index for each auth plugin that is in use, made when it is first asked for. */
  private readonly indexes = new Map<string, ConsumerIndex>()

  get(username: string): Consumer | undefined {
    return this.byUsername.get(username)
  }

  set(username: string, resource: ConsumerResource): void {
    this.remove(username)
    const consumer: Consumer = {
      username,
      groupId: resource.group_id === undefined ? undefined : String(resource.group_id),
      labels: resource.labels as Record<string, string> | undefined,
      plugins: resource.plugins ?? {},
      credentials: (resource.credentials ?? {}) as Consumer['credentials'],
    }
    this.byUsername.set(username, consumer)
    for (const index of this.indexes.values()) index.add(consumer)
  }

  remove(username: string): void {
    const consumer = this.byUsername.get(username)
    if (consumer === undefined) return
    this.byUsername.delete(username)
    for (const index of this.indexes.values()) index.remove(consumer)
  }

  /** The consumers as that plugin sees them. The same object for the life of the store: changes show in it. */
  directoryFor(plugin: PluginDefinition): ConsumerDirectory {
    let index = this.indexes.get(plugin.name)
    if (index === undefined) {
      index = new ConsumerIndex(plugin, this)
      for (const consumer of this.byUsername.values()) index.add(consumer)
      this.indexes.set(plugin.name, index)
    }
    return index
  }
}

class ConsumerIndex implements ConsumerDirectory {
  private readonly byKey = new Map<string, ConsumerMatch>()
  private readonly plugin: PluginDefinition
  private readonly store: ConsumerStore

  constructor(plugin: PluginDefinition, store: ConsumerStore) {
    this.plugin = plugin
    this.store = store
  }

  find(key: string): ConsumerMatch | undefined {
    return this.byKey.get(key)
  }

  byName(username: string): Consumer | undefined {
    return this.store.get(username)
  }

  add(consumer: Consumer): void {
    this.addSet(consumer, consumer.plugins, undefined)
    for (const id in consumer.credentials) this.addSet(consumer, consumer.credentials[id]!.plugins, id)
  }

  remove(consumer: Consumer): void {
    this.removeSet(consumer, consumer.plugins)
    for (const id in consumer.credentials) this.removeSet(consumer, consumer.credentials[id]!.plugins)
  }

  private addSet(consumer: Consumer, plugins: PluginSet, credential: string | undefined): void {
    const key = this.keyOf(plugins)
    if (key === undefined) return
    const written = plugins[this.plugin.name]
    const config =
      this.plugin.consumerSchema === undefined ? written : withDefaults(this.plugin.consumerSchema, written)
    this.byKey.set(key, { consumer, config, credential })
  }

  private removeSet(consumer: Consumer, plugins: PluginSet): void {
    const key = this.keyOf(plugins)
    if (key !== undefined && this.byKey.get(key)?.consumer === consumer) this.byKey.delete(key)
  }

  private keyOf(plugins: PluginSet): string | undefined {
    const field = this.plugin.consumerKey
    const value = field === undefined ? undefined : plugins[this.plugin.name]?.[field]
    return typeof value === 'string' ? value : undefined
  }
}

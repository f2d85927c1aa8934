import type { Static, TSchema } from 'typebox'
import type { Configuration } from '../config/define-config.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { loadPlugin } from './load-plugin.ts'
import { type GatewayOptions, type MemoryGateway, openGateway, type Run } from './memory-gateway.ts'
import type { MemoryRequestOptions } from './test-request.ts'
import type { Upstream } from './upstream.ts'

/** A configuration as it may be written: what has a default may be missing. Anything else is refused as the gateway does. */
export type WrittenConfig<S extends TSchema> = Partial<Static<S>> | Readonly<Record<string, unknown>>

/** What stands around the plugin. */
export interface MountOptions extends GatewayOptions {
  /** What the upstream answers. Default: 200, with JSON of what it got. */
  readonly upstream?: Upstream
  /** Consumers that may call, as in `sekisho.yaml`. */
  readonly consumers?: Configuration['consumers']
  /** The plugin's `plugin_metadata`. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Other plugins on the same route: `{ 'key-auth': {} }`. */
  readonly beside?: Readonly<Record<string, object>>
  /** What else the route says: `{ uri: '/orders/:id' }`. Default: all requests are its. */
  readonly route?: Readonly<Record<string, unknown>>
  /** What else the configuration says: `protos`, `services`, … */
  readonly document?: Configuration
}

export interface RunOptions extends MountOptions {
  /** Default: `GET /`. */
  readonly request?: PluginRequest
}

/** A request to the route of the plugin. */
export interface PluginRequest extends MemoryRequestOptions {
  /** Path and query, or a URL. Default: `/`. */
  readonly path?: string
}

/** A plugin in its place on a route: one instance for all requests, until its configuration changes. */
export class PluginUnderTest {
  /** The gateway around it. */
  readonly gateway: MemoryGateway
  private readonly documentOf: (config: object) => Configuration

  /** See `mountPlugin`. */
  constructor(gateway: MemoryGateway, documentOf: (config: object) => Configuration) {
    this.gateway = gateway
    this.documentOf = documentOf
  }

  /** Sends a request through all of its phases. */
  run({ path = '/', ...options }: PluginRequest = {}): Promise<Run> {
    return this.gateway.fetch(path, options)
  }

  /** Another configuration: the old instance is let go. Rejects when it is refused. */
  configure(config: object): Promise<void> {
    return this.gateway.update(this.documentOf(config))
  }

  /** The sum of a metric's series that have all of these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number> {
    return this.gateway.metric(name, labels)
  }

  close(): Promise<void> {
    return this.gateway.close()
  }
}

/**
 * Puts a plugin on a route of a gateway without sockets, for several requests. Rejects with the gateway's own words when it refuses the
 * configuration.
 *
 * @param plugin the definition, or the path or URL of its file
 */
export async function mountPlugin<S extends TSchema, C extends TSchema, M extends TSchema>(
  plugin: PluginDefinition<S, C, M> | string | URL,
  config: WrittenConfig<S>,
  options: MountOptions = {},
): Promise<PluginUnderTest> {
  const { consumers, metadata, beside = {}, route = {}, document = {}, plugins = [], upstream, environment } = options
  const definition = typeof plugin === 'string' || plugin instanceof URL ? await loadPlugin(plugin) : plugin
  const { name } = definition
  const documentOf = (own: object): Configuration => ({
    ...document,
    routes: [
      {
        id: 'test',
        uri: '/*',
        upstream: { nodes: { 'upstream.test:80': 1 } },
        ...route,
        plugins: { ...beside, [name]: own as Record<string, unknown> },
      } as never,
      ...(document.routes ?? []),
    ],
    ...(consumers === undefined ? {} : { consumers: [...consumers, ...(document.consumers ?? [])] }),
    ...(metadata === undefined
      ? {}
      : { plugin_metadata: [{ id: name, ...metadata } as never, ...(document.plugin_metadata ?? [])] }),
  })
  const gateway = await openGateway(documentOf(config), { plugins: [definition, ...plugins], upstream, environment })
  return new PluginUnderTest(gateway, documentOf)
}

/** One request through a plugin: `mountPlugin`, `run` and `close`. */
export async function runPlugin<S extends TSchema, C extends TSchema, M extends TSchema>(
  plugin: PluginDefinition<S, C, M> | string | URL,
  config: WrittenConfig<S>,
  { request, ...options }: RunOptions = {},
): Promise<Run> {
  const mounted = await mountPlugin(plugin, config, options)
  try {
    return await mounted.run(request)
  } finally {
    await mounted.close()
  }
}

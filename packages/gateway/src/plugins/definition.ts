import type { Static, TSchema } from 'typebox'
import type { GatewaySession } from '../session.ts'
import type { GatewayStreamSession } from '../stream/stream-context.ts'
import type { Upstream } from '../resources/upstream.ts'
import type { PluginContext } from './context.ts'

/** What `check` of a plugin finds wrong. */
export interface ConfigProblem {
  /** JSON pointer below the plugin's configuration, as `/regex_uri/0`; the empty string: all of it. */
  readonly path: string
  /** What is wrong there, and what would be right. */
  readonly message: string
}

/**
 * The phases in which a plugin may act, in the order of a request. They are OpenResty's, as APISIX uses them.
 *
 * - A callback that answers the client calls `session.respond(status, body?, headers?)`: the remaining callbacks up to the
 *   upstream are skipped; `headerFilter`, `bodyFilter` and `log` still run for the answer.
 * - A callback that returns nothing is never awaited; one that returns a promise holds the request until it settles.
 * - A callback that throws costs this request a 500 and a line in the error log, nothing else.
 */
export interface PluginHooks {
  /**
   * A browser asks (OPTIONS, with `Origin` and `Access-Control-Request-Method`) whether a page may send a request that this route would take, be
   * it that the route takes no OPTIONS. true: yes, as far as this plugin knows. It is answered with a 200 then, to which headerFilter adds what
   * the browser wants to read, and no plugin asks for credentials, which browsers do not send with the question.
   */
  readonly preflight?: ((session: GatewaySession) => boolean) | undefined
  /** Before access: authenticate, rewrite the request. Runs again for plugins that a consumer brought in. */
  readonly rewrite?: ((session: GatewaySession) => void | Promise<void>) | undefined
  /** Decide whether the request may go on. */
  readonly access?: ((session: GatewaySession) => void | Promise<void>) | undefined
  /** Before each attempt at an upstream node. */
  readonly balancer?: ((session: GatewaySession) => void | Promise<void>) | undefined
  /**
   * Each piece of the request body on its way to the upstream, then once with `end` and no bytes. `chunk` is only valid during the call. Returns the
   * bytes to send instead; undefined leaves the chunk as it is. A plugin that may change the length deletes `content-length` of
   * `session.request` in `rewrite` or `access`; the body then leaves chunked.
   */
  readonly requestBody?:
    | ((session: GatewaySession, chunk: Uint8Array, end: boolean) => Uint8Array | undefined)
    | undefined
  /**
   * The response's status and headers (`session.response`) may be changed until they leave. A plugin whose bodyFilter
   * may change the length must delete `content-length` here; the body then leaves chunked. `session.holdResponse(limit)` keeps the
   * head back until the last call of bodyFilter, which can then still change it.
   */
  readonly headerFilter?: ((session: GatewaySession) => void) | undefined
  /**
   * Each piece of the response body. `chunk` is only valid during the call (copy what is kept) and empty when the
   * end brings no more bytes. Returns the bytes to send instead; undefined leaves the chunk as it is. In the last call
   * `session.trailers` holds the trailer fields, to be read and changed.
   */
  readonly bodyFilter?:
    | ((session: GatewaySession, chunk: Uint8Array, end: boolean) => Uint8Array | undefined)
    | undefined
  /** After the last byte of the response was handed over, or the exchange failed. Always runs once. */
  readonly log?: ((session: GatewaySession) => void) | undefined
  /** On a stream route: a TCP connection or the datagrams of a client begin. false closes it. For plugins that say `streams`. */
  readonly stream?: ((session: GatewayStreamSession) => boolean) | undefined
  /** A session that `stream` let in is over. */
  readonly streamEnd?: ((session: GatewayStreamSession) => void) | undefined
  /** The configuration that made these hooks is gone: release timers, connections, shared keys. */
  readonly dispose?: (() => void) | undefined
}

/** Another plugin within the configuration of a plugin: of `multi-auth`, an action of `workflow`. */
export interface NestedPlugin {
  /** JSON Pointer of its configuration, from the configuration that holds it. */
  readonly path: string
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  /** Only a plugin of this type may stand there. */
  readonly type?: 'auth'
}

/** An upstream within the configuration of a plugin: of `traffic-split`. Either is given. */
export interface NestedUpstream {
  /** JSON Pointer of `upstream` or `upstream_id`, from the configuration that holds it. */
  readonly path: string
  readonly upstream?: Upstream | undefined
  readonly upstreamId?: string | undefined
}

/** Other parts of the configuration that a plugin's own configuration holds or refers to. */
export interface PluginUses {
  readonly plugins?: readonly NestedPlugin[]
  readonly upstreams?: readonly NestedUpstream[]
}

/** An address that a plugin answers itself, once a route with `public-api` lets clients to it: `/apisix/batch-requests`. */
export interface PluginApi {
  /** Exact path. */
  readonly uri: string
  readonly methods: readonly string[]
  /** Answers the request by `session.respond`. Made once for each worker. */
  create(context: PluginContext): (session: GatewaySession) => void | Promise<void>
}

/** One plugin: its name, schema, types and behaviour. The whole extension surface of the gateway. */
export interface PluginDefinition<
  S extends TSchema = TSchema,
  C extends TSchema = TSchema,
  M extends TSchema = TSchema,
> {
  /** As it is written under `plugins:`; lower case, words joined by `-`. */
  readonly name: string
  /** Higher runs first within a phase. APISIX's number where the plugin has a namesake there. */
  readonly priority: number
  /** JSON Schema of its configuration; defaults are filled in before `create` is called. */
  readonly schema: S
  /** `auth` plugins find a consumer in `rewrite`, and may be configured on consumers with `consumerSchema`. */
  readonly type?: 'auth'
  /** JSON Schema of its configuration on a consumer. */
  readonly consumerSchema?: C
  /** The field of the consumer configuration that finds the consumer, unique among all consumers. */
  readonly consumerKey?: string
  /** JSON Schema of its `plugin_metadata`. */
  readonly metadataSchema?: M
  /** It works on stream routes, by its hook `stream`. */
  readonly streams?: true
  /** One instance serves all places with the same configuration: `create` keeps nothing that belongs to one place. */
  readonly placeless?: true
  /** `prefer_route`: skipped in a global rule when the route has the same plugin. */
  readonly runPolicy?: 'prefer_route'
  /**
   * What a schema cannot say (a regular expression that does not compile, say). Returns what is wrong, as
   * `{ path: '/regex_uri/0', message: '...' }`, or undefined. Runs on the control thread, before any worker sees the change.
   */
  check?(config: Static<S>): ConfigProblem | undefined
  /** The same for its metadata. */
  checkMetadata?(metadata: Static<M>): ConfigProblem | undefined
  /** The same for a configuration on a consumer. */
  checkConsumer?(config: Static<C>): ConfigProblem | undefined
  /**
   * The plugins and upstreams within this configuration. They are loaded and checked with it (schema, `check`, `plugins` of the node,
   * references); `create` gets them by `context.instance` and `context.upstream`.
   */
  uses?(config: Static<S>): PluginUses
  /** What it answers itself, where a route with `public-api` leads to it. */
  readonly apis?: readonly PluginApi[]
  /** What of the configuration does not work on a stream route; as `check`. */
  checkStream?(config: Static<S>): ConfigProblem | undefined
  /** Once for each place the plugin is mounted in and each worker, when the configuration changes: never per request. */
  create(config: Static<S>, context: PluginContext<Static<C>, Static<M>>): PluginHooks
}

/** Declares a plugin; the types of `config` in `check` and `create` follow from `schema`. */
export function definePlugin<S extends TSchema, C extends TSchema = TSchema, M extends TSchema = TSchema>(
  definition: PluginDefinition<S, C, M>,
): PluginDefinition<S, C, M> {
  return definition
}

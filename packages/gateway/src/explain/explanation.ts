import type { GrpcPolicy } from '../resources/grpc.ts'

/** What would become of a request. Plain data: rendered for people, or written as JSON. */
export interface RequestExplanation {
  readonly request: ExplainedRequest
  /** The request is answered before any route is looked at. */
  readonly refused: { readonly status: number; readonly reason: string } | undefined
  readonly route: ExplainedMatch | undefined
  /** Routes that were not taken, the nearest first. */
  readonly notTaken: readonly RouteNotTaken[]
  /** How many more there are. */
  readonly moreNotTaken: number
  /** The consumer that an auth plugin recognised, or that was given. */
  readonly consumer: string | undefined
  readonly phases: readonly ExplainedPhase[]
  /** Plugins that are configured for this request and do not run, with the reason. */
  readonly idlePlugins: readonly IdlePlugin[]
  /** The answer that the client gets without an upstream being asked. */
  readonly answer: ExplainedAnswer | undefined
  /** Where the request goes; undefined when the route has no upstream. */
  readonly upstream: ExplainedUpstream | undefined
}

export interface ExplainedRequest {
  readonly method: string
  readonly target: string
  /** Decoded and normalised: what routes are matched against. */
  readonly path: string
  readonly host: string
  readonly remoteAddr: string
  readonly secure: boolean
}

export interface ExplainedMatch {
  readonly id: string
  readonly name: string | undefined
  /** The pattern that fits. */
  readonly uri: string
  readonly host: string | undefined
  readonly why: string
  readonly params: Readonly<Record<string, string>> | undefined
  readonly serviceId: string | undefined
}

export interface RouteNotTaken {
  readonly id: string
  readonly uris: readonly string[]
  readonly why: string
}

export const PHASES = ['rewrite', 'access', 'balancer', 'requestBody', 'headerFilter', 'bodyFilter', 'log'] as const
export type PhaseName = (typeof PHASES)[number]

export interface ExplainedPhase {
  readonly phase: PhaseName
  /** In the order in which they run. */
  readonly plugins: readonly ExplainedPlugin[]
}

/**
 * - `runs`: it runs, and the request goes on.
 * - `answers`: it answers the client; no upstream is asked.
 * - `undecided`: what it does depends on more than the request, as `note` says; the rest is explained as if it let it pass.
 * - `filtered`: its `_meta.filter` does not match this request.
 * - `skipped`: a plugin before it has answered.
 */
export type PluginOutcome = 'runs' | 'answers' | 'undecided' | 'filtered' | 'skipped'

export interface ExplainedPlugin {
  readonly name: string
  /** The resource that it is configured on: `routes/hello`. */
  readonly place: string
  /** Higher runs first. */
  readonly priority: number
  readonly outcome: PluginOutcome
  readonly note: string | undefined
}

export interface IdlePlugin {
  readonly name: string
  readonly place: string
  readonly why: string
}

export interface ExplainedAnswer {
  readonly status: number
  /** The plugin that gives it; undefined: the gateway itself. */
  readonly plugin: string | undefined
  /** Text, cut to a readable length. */
  readonly body: string
  readonly headers: readonly (readonly [string, string])[]
}

export interface ExplainedUpstream {
  /** Where it is configured: `upstreams/hello`, or within `routes/hello` or `services/shop`. */
  readonly place: string
  readonly type: string
  readonly scheme: string
  readonly nodes: readonly { readonly address: string; readonly weight: number; readonly priority: number }[]
  /** The node of the first attempt; undefined when the request gets no further than a plugin. */
  readonly picked: string | undefined
  /** Whether every such request goes there; else others may go elsewhere. */
  readonly certain: boolean
  /** What the running gateway knows of its nodes, and nobody here: all of them are taken as healthy. */
  readonly unknown: readonly ('checks' | 'outlier_detection' | 'slow_start')[]
  /** Seconds. */
  readonly timeouts: { readonly connect: number; readonly send: number; readonly read: number }
  /** How gRPC calls are treated, where that is configured; with `readIsWritten` the read timeout holds for them, too. */
  readonly grpc: { readonly policy: GrpcPolicy | undefined; readonly readIsWritten: boolean } | undefined
  /** Attempts after the first. */
  readonly retries: number
  /** Seconds for all attempts; 0 is no limit. */
  readonly retryTimeout: number
  /** Its nodes are those of this service, which only the running gateway knows: `consul shop`. */
  readonly service: string | undefined
  /** It is a function, and the nodes are those of the service that is asked for it. */
  readonly function:
    | { readonly name: string; readonly payload: string; readonly invocationType: string; readonly path: string }
    | undefined
  /** What the upstream gets; undefined when the request gets no further than a plugin, or becomes the event of a function. */
  readonly request: UpstreamRequest | undefined
}

export interface UpstreamRequest {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly changes: readonly HeaderChange[]
}

/** A field that the upstream gets otherwise than the client sent it. */
export interface HeaderChange {
  readonly name: string
  /** undefined: it is taken out. */
  readonly value: string | undefined
}

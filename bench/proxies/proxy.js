/**
 * What every proxy here is told, and nothing else: the same for all of them.
 *
 * - it listens on 127.0.0.1 and is one process (or one thread) on one core;
 * - it keeps up to KEEPALIVE idle connections to the upstream, and ends none for age or number of requests;
 * - it writes no access log and no metrics (but ours in the scenario that says so);
 * - clients may stay idle for an hour.
 *
 * @typedef {object} Route
 * @property {string} path an exact path
 * @property {number} upstream index into `upstreams`
 *
 * @typedef {object} Setup
 * @property {number} connections clients at once, at most
 * @property {readonly Route[]} [routes] left out: everything goes to the first upstream
 * @property {boolean} [policies] key-auth, limit-count and prometheus on every route. Only ours does this; the
 *   others then send everything to the first upstream without looking, which is what ours is held against
 * @property {number} [livePath] /live goes to this upstream, so that a reload can be seen
 * @property {'h2c' | 'tls'} [front] what clients speak: HTTP/2 without TLS, known beforehand, or HTTP/1.1 over TLS 1.3;
 *   left out: HTTP/1.1
 * @property {import('../harness/certificate.js').Certificate} [certificate] for `front: 'tls'`
 * @property {number} [streams] requests at once on one connection of a client, at most; left out: 1
 * @property {'grpc' | 'h2c'} [back] what the first upstream speaks: gRPC, or any HTTP/2, both without TLS; left out: HTTP/1.1
 * @property {boolean} [cache] answers are kept for an hour, whatever the upstream says of it
 * @property {{ readonly type: string, readonly ports: readonly number[] }} [balanced] the first upstream has these nodes,
 *   and this way to pick one. Only ours does this
 * @property {boolean} [websocket] upgrades to WebSocket are let through
 *
 * @typedef {object} StartOptions
 * @property {number} port where to listen
 * @property {readonly number[]} upstreams ports of 127.0.0.1
 * @property {string} dir an empty folder of its own
 * @property {Setup} scenario
 *
 * @typedef {object} RunningProxy
 * @property {number} pid its process, or the root of its processes
 * @property {import('../harness/children.js').Child} child
 * @property {() => Promise<void>} stop
 * @property {(setup: Setup) => void} [reload] puts another configuration in place; returns before it is in force
 *
 * @typedef {object} Proxy
 * @property {string} name
 * @property {boolean} [onlyByName] takes part only in the scenarios that name it: it does not speak HTTP/1.1
 * @property {() => string | undefined | Promise<string | undefined>} find its version; undefined when not installed
 * @property {(options: StartOptions) => RunningProxy | Promise<RunningProxy>} start returns before it is ready
 */

/** Idle upstream connections that are kept: twice the 32 clients of the throughput scenarios. */
export const KEEPALIVE = 64

/**
 * The same where clients send several requests at once: a proxy that has one request on each upstream connection, as
 * nginx has, then needs one for each of them.
 * @param {Setup} setup
 */
export function keepAlive({ connections, streams = 1 }) {
  return streams === 1 ? KEEPALIVE : Math.max(KEEPALIVE, 2 * connections * streams)
}

/**
 * The certificate of a scenario that has TLS.
 * @param {Setup} setup
 */
export function certificateOf({ certificate }) {
  if (certificate === undefined) throw new Error('a scenario with TLS has no certificate')
  return certificate
}

/** An hour: longer than any scenario. */
export const IDLE_SECONDS = 3_600

/** For settings that want a number of requests per connection; nothing here comes near it. */
export const UNLIMITED_REQUESTS = 1_000_000_000

/** The key that the load scripts send. */
export const API_KEY = 'bench-key'

/**
 * @param {import('../harness/children.js').Child} child
 * @param {(setup: Setup) => void} [reload]
 * @returns {RunningProxy}
 */
export function running(child, reload) {
  const proxy = { pid: child.pid, child, stop: child.stop }
  return reload === undefined ? proxy : { ...proxy, reload }
}

// What settings and resource fields mean, where the schema has no description or a line is not enough for one.
// `kind:name` goes before `name`. config-docs.mjs fails when an entry belongs to no field.

/** Fields whose inner fields have a table of their own, or are read and not acted on in this version. */
export const CLOSED = new Set([
  'upstream',
  'plugins',
  'checks',
  'outlier_detection',
  'slow_start',
  'retry',
  'hedge',
  'circuit_breakers',
  'adaptive_concurrency',
  'overload',
  'load_shedding',
  'discovery',
  'discovery_args',
  'credentials',
  'functions',
  'wasm.plugins',
])

/** Left out of the tables: said once in the text. */
export const UNLISTED = new Set(['create_time', 'update_time'])

/** @type {Readonly<Record<string, string>>} */
export const MEANINGS = {
  // Settings.
  listen: 'Addresses to serve on: a port, `"HOST:PORT"`, `"[v6]:PORT"`, `"unix:/path"`, or an object as below.',
  'listen[].address': 'The same, where there is more to say.',
  'listen[].tls':
    '`true`: [TLS](tls.md) with the certificates of `ssls` and `acme`. An object: also with this one, for other names. `passthrough`: see [stream routes](stream-routes.md).',
  'listen[].tls.cert': 'File with the certificate chain, PEM. Read when a worker starts.',
  'listen[].http2': 'HTTP/2 beside HTTP/1.1: by ALPN on TLS, by its first bytes without.',
  acme: 'Certificates that the gateway gets for itself, and renews: see [TLS](tls.md#acme).',
  'listen[].tls.key': 'File with the private key, PEM.',
  workers: 'Worker threads. `auto` is one for each core.',
  admin: 'The [Admin API](admin-api.md). Left out: none with a configuration file, these defaults with another store.',
  'admin.address': 'Where it listens.',
  'admin.keys':
    'Who may use it. Without any, one is made at the first start, printed once, and kept in `data/admin-key`.',
  metrics: 'Where Prometheus reads. `false`: nowhere.',
  'metrics.address': 'Address of `/metrics`, `/status` and `/status/ready`.',
  store: 'Where routes and the rest come from.',
  'store.type':
    '`file`: this one. `embedded`: a [store of the node](embedded-store.md). `etcd`: a store that many nodes share.',
  discovery: 'Registries that upstreams may take their nodes from: see [service discovery](discovery.md).',
  functions:
    'The function engine; left out: none. Its settings: [the function platform](function-platform.md#settings).',
  plugins: 'Names of the plugins that may be used on this node. Left out: all.',
  plugin_paths: 'Folders with [plugins of your own](writing-a-plugin.md). Left out: `./plugins`, where it exists.',
  access_log: 'One line for each request. Left out: none. See [observability](observability.md#access-log).',
  'access_log.path': '`stdout`, or a file. SIGUSR1 opens it anew.',
  'access_log.format': '`combined`, `common`, `json`, a text with `$variables`, or a map of fields, which gives JSON.',
  error_log: 'What the gateway says about itself. See [observability](observability.md#error-log).',
  'error_log.level': 'Lines below this level are left out.',
  'error_log.path': '`stderr`, or a file.',
  proxy_cache: 'Where [`proxy-cache`](cache.md) keeps responses.',
  'proxy_cache.zones': 'Zones of the [cache](cache.md#zones). One takes memory when a route first uses it.',
  'proxy_cache.zones[].name': 'What `cache_zone` of the plugin names.',
  'proxy_cache.zones[].memory_size':
    'Bytes, or like `50m`: memory that all workers share. With `disk_path`: what each worker keeps ready of what is on disk.',
  'proxy_cache.zones[].disk_path':
    'Folder; what is in there is found again after a restart. Left out: the zone is in memory.',
  'proxy_cache.zones[].disk_size': 'What the files may take.',
  wasm: '[WebAssembly filters](wasm.md#with-names-of-their-own) that are plugins with names of their own.',
  'wasm.plugins': 'Each one is a plugin whose only option is `conf`.',
  scripts:
    'Functions in the configuration of plugins, as of [serverless-pre-function](plugins/serverless-pre-function.md).',
  'scripts.trusted':
    '`true`: plugins may say `sandbox: none`, and their functions then run with all rights of the gateway; documents of a store may have a `filter_func`, and filters in WebAssembly without `max_fuel`. Whoever may configure routes may run code on this node then.',
  overload: 'What a worker does about more requests than it can serve: see [overload](overload.md#load-shedding).',
  'overload:load_shedding': 'Left out: none.',
  retry: 'What is tried again, how soon, and how much of it: see [retries](overload.md#retries).',
  'retry:retriable_status_codes': 'Statuses that are a reason, from 400 on.',
  'retry:back_off': 'How long retries wait.',
  'retry:budget': 'Left out: no share is the limit.',
  hedge: 'Asks a second node when one takes long: see [hedged requests](overload.md#hedged-requests).',
  circuit_breakers: 'What an upstream is given at a time: see [circuit breakers](overload.md#circuit-breakers).',
  adaptive_concurrency: 'Finds out how much an upstream takes: see [overload](overload.md#a-limit-that-adapts).',
  load_shedding: 'How urgent requests are when not all can be served: see [urgency](overload.md#urgency).',
  limits: 'What strangers may make grow: see the [table of limits](#limits).',
  upstream_defaults: 'For upstreams that say nothing else.',
  'upstream_defaults.keepalive_pool_size': 'Idle connections kept to a node, in each worker.',
  'limits.max_connections': 'Open connections of one listener in one worker.',
  shutdown: 'How the gateway stops.',
  upgrade: 'How a new gateway process takes over (SIGUSR2).',
  server_header:
    'The `Server` header of answers that the gateway gives itself. `false`: none. Answers of upstreams keep theirs.',
  trusted_addresses: 'Addresses and networks of proxies in front of this one, whose `X-Forwarded-*` headers are kept.',

  // What many resources have.
  id: 'Names it within its list. Letters, digits, `-`, `_` and `.`, or a whole number from 1. Left out: made from what it is about.',
  name: 'For people, logs and metrics.',
  desc: 'For people.',
  labels: 'Free attributes. Values are text without spaces.',
  'consumers:labels': 'Free attributes. `custom_id` is sent to the upstream as `X-Consumer-Custom-ID`.',
  'consumers:id': 'Accepted. `username` is what names a consumer.',
  'plugin_configs:id': 'What `plugin_config_id` of a route refers to.',
  'global_rules:id': 'Names it within its list.',
  'consumer_groups:id': 'What `group_id` of a consumer refers to.',
  'plugins:set': 'Plugin configurations, by plugin name.',
  upstream: 'Where requests go: an [upstream](#upstreams), or in short `"http://HOST:PORT"` or `"function://NAME"`.',
  upstream_id: 'The id of an upstream, instead of `upstream`.',
  timeout: 'Time limits of one attempt at a node. All three are written, or none.',
  'timeout.connect': 'Seconds until the connection is there, TLS included.',
  'timeout.send': 'Seconds between two writes that the node must make room for.',
  'timeout.read':
    'Seconds between two reads of the response. [gRPC calls](grpc.md#quiet-calls) have it only where it is written.',
  grpc: 'How [gRPC calls](grpc.md) are treated. That of the route counts, else that of its service.',

  // Upstreams.
  'upstreams:type':
    'How a node is picked: see [balancing](#balancing). `function`: it is a [function](functions-in-routes.md), and has no nodes.',
  'upstreams:nodes':
    '`{ "HOST:PORT": WEIGHT }`, or a list of nodes. At least one of weight above 0 is needed to serve.',
  'upstreams:nodes[].host': 'Name or IP address. IPv6 in brackets.',
  'upstreams:nodes[].port': 'Left out: 80, or 443 with `scheme: https`.',
  'upstreams:nodes[].weight': 'Share of the traffic. 0 takes the node out.',
  'upstreams:nodes[].priority':
    'Nodes of a lower priority get requests for which each one of the higher priorities has failed.',
  'upstreams:nodes[].metadata': 'Free attributes.',
  'upstreams:service_name':
    'In place of `nodes`: the name of a service in a registry, see [service discovery](discovery.md).',
  'upstreams:discovery_type': 'The registry: a name in the setting `discovery`.',
  'upstreams:discovery_args': 'What else names the service there.',
  'upstreams:hash_on': 'Where `chash` looks for `key`. `consumer` needs no key.',
  'upstreams:key':
    'What `chash` hashes: the name of a variable, header or cookie, or a text with `$variables` for `vars_combinations`.',
  'upstreams:retries': 'Attempts after the first. Left out: one less than there are nodes of weight above 0.',
  'upstreams:retry_timeout': 'Seconds for all attempts together: after it no other is begun. 0: no limit.',
  'upstreams:pass_host':
    "The `Host` that the upstream gets: the client's (`pass`), the node's (`node`), or `upstream_host` (`rewrite`).",
  'upstreams:upstream_host': 'For `pass_host: rewrite`. With `https` also the name that the certificate must have.',
  'upstreams:scheme':
    '`http`, `https`, `grpc` or `grpcs` for routes, `tcp`, `tls` or `udp` for [stream routes](stream-routes.md).',
  'upstreams:keepalive_pool': 'Idle connections. Left out: `upstream_defaults`.',
  'upstreams:keepalive_pool.size': 'Kept to a node, in each worker.',
  'upstreams:keepalive_pool.idle_timeout': 'Seconds until an idle one is closed. 0: never.',
  'upstreams:keepalive_pool.requests': 'After so many requests a connection is closed.',
  'upstreams:tls': 'For `scheme: https`, see [TLS](tls.md#tls-to-upstreams).',
  'upstreams:tls.client_cert':
    'Certificate chain that we show, [written in one of three ways](tls.md#certificates). Needs `client_key`.',
  'upstreams:tls.client_key': 'Its private key.',
  'upstreams:tls.client_cert_id': 'The id of an ssl of `type: client`, instead of these two.',
  'upstreams:tls.ca': 'Authorities that are trusted instead of those that Node.js brings.',
  'upstreams:tls.sni':
    'Name that is sent, and must be in the certificate. Left out: the host of the node, or `upstream_host`.',
  'upstreams:tls.verify': "Verify the certificate of the node. APISIX's default is `false`.",
  'upstreams:checks': 'Probes of nodes, and what requests tell of them: see [health](health.md).',
  'upstreams:outlier_detection':
    'Ejects nodes that do worse than they should: see [health](health.md#outlier-detection).',
  'upstreams:sticky': 'A client stays on its node, by a cookie: see [sticky cookie](#sticky-cookie).',
  'upstreams:subset': 'Requests go to nodes with certain labels: see [subsets](#subsets).',
  'upstreams:slow_start': 'Nodes that join or come back get their share slowly: see [health](health.md#slow-start).',
  'checks:active': 'Probes. Required: nothing else brings an unhealthy node back.',
  'checks:active.timeout': 'Seconds until the answer, connecting included.',
  'checks:active.host': 'The `Host` of probes, and with `https` the name that the certificate must have.',
  'checks:active.http_method': 'Of probes.',
  'checks:active.http_path': 'Path and query of probes.',
  'checks:active.http_req_body': 'Sent with each probe.',
  'checks:active.https_verify_certificate': 'Verify the certificate of the node.',
  'checks:active.req_headers': '`"NAME: VALUE"` each. With `grpc`: metadata.',
  'checks:active.healthy': 'What a healthy node does, and one that comes back.',
  'checks:active.healthy.http_statuses': 'Successes.',
  'checks:active.healthy.successes': 'In a row, that bring a node back.',
  'checks:active.unhealthy': 'What a node does that is to be taken out.',
  'checks:active.unhealthy.interval': 'Seconds between two probes of a node that is out.',
  'checks:active.unhealthy.http_statuses': 'Failures.',
  'checks:active.unhealthy.http_failures': 'In a row, that take a node out. The same for the next two.',
  'checks:active.unhealthy.tcp_failures': 'No connection, a broken one, no HTTP.',
  'checks:active.unhealthy.timeouts': 'No answer in time.',
  'checks:passive': 'What requests tell.',
  'checks:passive.healthy': 'Successes, which set the failures to 0.',
  'checks:passive.healthy.http_statuses': 'Successes.',
  'checks:passive.healthy.successes':
    'In a row, that bring a node back which still gets requests. 0: they do not count.',
  'checks:passive.unhealthy': 'Failures. 0 for a limit: they do not count.',
  'checks:passive.unhealthy.http_statuses': 'Failures.',
  'checks:passive.unhealthy.http_failures': 'In a row, that take a node out. The same for the next two.',
  'checks:passive.unhealthy.tcp_failures': 'No connection, or a broken one.',
  'checks:passive.unhealthy.timeouts': 'No connection or answer in time.',
  'outlier_detection:max_ejection_time': 'Seconds that an ejection takes at most.',

  // SSLs.
  'ssls:id': 'Names it within its list. Left out: made from its names.',
  'ssls:cert': 'Certificate, followed by its intermediates.',
  'ssls:key': 'Its private key.',
  'ssls:snis': 'Several of them, instead of `sni`.',

  // Services.
  'services:hosts': 'For routes of this service that name no host.',
  'services:enable_websocket':
    'For routes that do not say themselves. `true` lets any upgrade through, see [HTTP/1.1](http1.md#upgrades).',

  // Routes.
  'routes:uri': 'Path pattern, see [routing](routing.md#path-patterns).',
  'routes:uris': 'Several of them, instead of `uri`.',
  'routes:host': 'Host pattern, see [routing](routing.md#host-patterns). Left out: the hosts of the service, or any.',
  'routes:hosts': 'Several of them, instead of `host`.',
  'routes:remote_addr': 'Address or network of the client, as `10.0.0.0/8` or `2001:db8::/32`.',
  'routes:remote_addrs': 'Several of them, instead of `remote_addr`.',
  'routes:methods': 'Left out or empty: every method.',
  'routes:priority': 'Higher wins among patterns that are equally specific.',
  'routes:vars': 'A condition on request variables, see [routing](routing.md#vars).',
  'routes:filter_func': 'A condition as a JavaScript function, see [routing](routing.md#filter_func).',
  'routes:plugin_config_id': 'The id of a plugin_config, whose plugins the route has too.',
  'routes:service_id': 'The id of a service, for what the route does not say itself.',
  'routes:enable_websocket': '`true`: any upgrade goes through. `false`: none. Left out: WebSocket alone.',
  'routes:status': '0 takes the route out.',
  'stream_routes:upstream':
    'An [upstream](configuration.md#upstreams), or in short `"tcp://HOST:PORT"`, `"tls://HOST:PORT"` or `"udp://HOST:PORT"`.',
  'stream_routes:upstream_id': 'The id of an upstream, instead of `upstream`.',
  'stream_routes:service_id': 'The id of a service, whose upstream and plugins the route has.',
  'stream_routes:remote_addrs': 'Several of them, instead of `remote_addr`.',
  'stream_routes:snis': 'Several of them, instead of `sni`.',

  // Consumers and metadata.
  'consumers:username': 'Names the consumer. The upstream gets it as `X-Consumer-Username`.',
  'consumers:credentials':
    'Further keys of the consumer by their ids, each an object with `plugins` (one auth plugin), `name`, `desc` and `labels`: see [credentials](admin-api.md#credentials).',
  'consumers:group_id': 'The id of a consumer_group, whose plugins the consumer has too.',
  'protos:id': 'What `proto_id` of a plugin refers to.',
  'secrets:id': 'The manager and a name, as references begin: `vault/1`.',
  'secrets:timeout': 'Seconds for one answer.',
  'plugin_metadata:id': 'The name of the plugin. The other fields are those of the plugin.',
}

/** A document that must not come into force: what it is, where it is written, and its text. */
export interface HostileDocument {
  readonly what: string
  /** Kind and id. */
  readonly key: string
  readonly text: string
}

const MIB = 1024 * 1024

const route = (fields: object): string => JSON.stringify({ uri: '/hostile', upstream_id: 'up', ...fields })
const withPlugins = (plugins: string): string => `{"uri":"/hostile","upstream_id":"up","plugins":${plugins}}`
const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + '1' + close.repeat(depth)
const strings = (count: number, make: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => make(at))

/** Takes time that doubles with each character of the text that it is tried on. */
const EXPONENTIAL = '^(a+)+$'

const document = (what: string, key: string, text: string): HostileDocument => ({ what, key, text })

/** Each is small enough for one value of etcd. */
export const HOSTILE_DOCUMENTS: readonly HostileDocument[] = [
  document('no JSON', 'routes/h', '{"uri":"/hostile"'),
  document('empty', 'routes/h', ''),
  document('null', 'routes/h', 'null'),
  document('a list', 'routes/h', '[]'),
  document('a number', 'routes/h', '1'),
  document('a byte order mark alone', 'routes/h', '\u{feff}'),
  document('a key twice', 'routes/h', '{"uri":"/a","uri":"/b","upstream_id":"up"}'),
  document('an unknown field', 'routes/h', route({ nonsense: true })),
  document('a field of another type', 'routes/h', route({ priority: '1' })),
  document('an unknown plugin', 'routes/h', withPlugins('{"no-such-plugin":{}}')),
  document('the id of another', 'routes/h', route({ id: 'other' })),
  document('an upstream without nodes', 'upstreams/h', '{}'),
  document('a number beyond numbers', 'routes/h', '{"uri":"/hostile","upstream_id":"up","priority":1e999}'),

  document('lists, 500,000 deep', 'routes/h', nested(500_000, '[', ']')),
  document('objects, 100,000 deep', 'routes/h', nested(100_000, '{"a":', '}')),
  document('plugins, 50,000 deep', 'routes/h', withPlugins(nested(50_000, '{"a":', '}'))),
  document('lists, 500,000 deep, never closed', 'routes/h', '['.repeat(500_000)),
  document('variables, 1,000 deep', 'routes/h', route({}).replace('}', `,"vars":${nested(1_000, '["OR",', ']')}}`)),

  document('an exponential expression in vars', 'routes/h', route({ vars: [['uri', '~~', EXPONENTIAL]] })),
  document('an exponential expression in vars, case-blind', 'routes/h', route({ vars: [['uri', '~*', '(x+x+)+y']] })),
  document(
    'an exponential expression in regex_uri',
    'routes/h',
    route({ plugins: { 'proxy-rewrite': { regex_uri: [EXPONENTIAL, '/'] } } }),
  ),
  document(
    'an exponential expression in redirect',
    'routes/h',
    route({ plugins: { redirect: { regex_uri: ['^/(([a-z])+.)+[A-Z]([a-z])+$', '/'] } } }),
  ),
  document(
    'an exponential expression in a blocker',
    'routes/h',
    route({ plugins: { 'uri-blocker': { block_rules: ['(a|aa)+$'] } } }),
  ),
  document(
    'an exponential expression in a filter of the answer',
    'routes/h',
    route({ plugins: { 'response-rewrite': { filters: [{ regex: EXPONENTIAL, replace: '' }] } } }),
  ),
  document(
    'an exponential expression in cors',
    'routes/h',
    route({ plugins: { cors: { allow_origins_by_regex: ['^(https?://)*([a-z]+.?)+$'] } } }),
  ),
  document('an expression that is none', 'routes/h', route({ vars: [['uri', '~~', '(']] })),

  document('__proto__ at the top', 'routes/h', '{"uri":"/hostile","upstream_id":"up","__proto__":{"polluted":1}}'),
  document(
    'constructor at the top',
    'routes/h',
    '{"uri":"/hostile","upstream_id":"up","constructor":{"prototype":{"polluted":1}}}',
  ),
  document('__proto__ as a plugin', 'routes/h', withPlugins('{"__proto__":{"polluted":1}}')),
  document('constructor as a plugin', 'routes/h', withPlugins('{"constructor":{}}')),
  document('toString as a plugin', 'routes/h', withPlugins('{"toString":{}}')),
  document(
    '__proto__ in a plugin',
    'routes/h',
    withPlugins('{"response-rewrite":{"headers":{"__proto__":{"set":{"X-Polluted":"1"}}}}}'),
  ),
  document('__proto__ with the fields of a route', 'routes/h', '{"__proto__":{"uri":"/hostile","upstream_id":"up"}}'),
  document('__proto__ among nodes', 'upstreams/h', '{"nodes":{"__proto__":1}}'),
  document(
    '__proto__, spelled with escapes',
    'routes/h',
    '{"uri":"/hostile","upstream_id":"up","\\u005f_proto__":{"polluted":1}}',
  ),
  document('__proto__ as a label', 'routes/h', route({}).replace('}', ',"labels":{"__proto__":"1"}}')),

  document(
    'a text of 1.4 MB where a path belongs',
    'routes/h',
    JSON.stringify({ uri: 'a'.repeat(1.4 * MIB), upstream_id: 'up' }),
  ),
  document(
    'a host of 700,000 labels',
    'routes/h',
    JSON.stringify({ uri: '/hostile', upstream_id: 'up', host: `${'a.'.repeat(700_000)}!` }),
  ),
  document('an address of 1.4 MB', 'routes/h', route({ remote_addr: '1'.repeat(1.4 * MIB) })),
  document('a node of 1.4 MB', 'upstreams/h', JSON.stringify({ nodes: { ['a-'.repeat(0.7 * MIB)]: 1 } })),
  document(
    '100,000 unknown fields',
    'routes/h',
    JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`f${at}`, 1]))),
  ),
  document(
    '100,000 unknown plugins',
    'routes/h',
    route({ plugins: Object.fromEntries(Array.from({ length: 70_000 }, (_, at) => [`p${at}`, {}])) }),
  ),
  document(
    '100,000 paths, the last of them wrong',
    'routes/h',
    JSON.stringify({ uris: [...strings(100_000, (at) => `/${at}`), 'x'], upstream_id: 'up' }),
  ),
  document(
    '100,000 equal paths',
    'routes/h',
    JSON.stringify({ uris: strings(100_000, () => '/same'), upstream_id: 'up' }),
  ),
  document('100,000 wrong variables', 'routes/h', route({ vars: strings(100_000, () => 'x') })),
  document(
    '100,000 addresses that are none',
    'routes/h',
    route({ remote_addrs: strings(100_000, (at) => `1.2.3.${at}x`) }),
  ),
  document('300,000 lists in a list', 'routes/h', route({ vars: strings(300_000, () => [] as never) })),
  document(
    'a certificate of 1.4 MB',
    'ssls/h',
    JSON.stringify({ sni: 'a.test', cert: 'x'.repeat(0.7 * MIB), key: 'x'.repeat(0.7 * MIB) }),
  ),
]

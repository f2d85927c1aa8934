import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { PlaceName } from './facts.ts'
import type { Trial } from './configurations.ts'

/** What configurations refer to. */
const AROUND = {
  upstreams: [{ id: '1', type: 'roundrobin', nodes: { '127.0.0.1:1980': 1 } }],
  protos: [
    {
      id: '1',
      content: 'syntax = "proto3"; package a; service S { rpc Call (M) returns (M) {} } message M { string text = 1; }',
    },
  ],
}

/** What of APISIX's is not in its resources, but in its `config.yaml`. */
export const SETTINGS = {
  listen: [8080],
  discovery: { nacos: { host: ['http://127.0.0.1:8848'] } },
  proxy_cache: {
    zones: [
      { name: 'disk_cache_one', memory_size: '8m', disk_size: '64m', disk_path: 'cache' },
      { name: 'memory_cache', memory_size: '8m' },
    ],
  },
}

/** A document of APISIX's in which each trial stands in a resource of its own. But for its settings, it is one of ours too. */
export function documentOf(plugin: string, place: PlaceName, trials: readonly Trial[]): Record<string, unknown> {
  const all = trials.map(({ config }, at) => ({ id: `r${at}`, plugins: { [plugin]: config } }))
  switch (place) {
    case 'options':
      return {
        ...AROUND,
        routes: all.map((one) => ({ ...one, uri: `/${one.id}`, upstream_id: '1' })),
        consumers: [{ username: 'anonymous' }],
      }
    case 'consumer':
      return { ...AROUND, consumers: all.map(({ id, plugins }) => ({ username: id, plugins })) }
    case 'metadata':
      return { ...AROUND, plugin_metadata: trials.map(({ config }) => ({ id: plugin, ...config })) }
  }
}

/** How many trials one document holds: there is one metadata of a plugin, and what a consumer shows is its own. */
export const TRIALS_AT_ONCE: Readonly<Record<PlaceName, number>> = { options: 200, consumer: 1, metadata: 1 }

/** Where the configuration of a trial stands in it. */
export const pathOf = (plugin: string, place: PlaceName, at: number): string =>
  place === 'metadata'
    ? `/plugin_metadata/${at}`
    : `/${place === 'consumer' ? 'consumers' : 'routes'}/${at}/plugins/${plugin}`

const pem = (key: KeyObject): string =>
  key.type === 'private'
    ? key.export({ type: 'pkcs8', format: 'pem' }).toString()
    : key.export({ type: 'spki', format: 'pem' }).toString()

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const elliptic = (namedCurve: string): string => pem(generateKeyPairSync('ec', { namedCurve }).publicKey)

/** The keys that configurations refer to. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  RSA_PUBLIC: pem(rsa.publicKey),
  RSA_PRIVATE: pem(rsa.privateKey),
  EC256_PUBLIC: elliptic('P-256'),
  EC384_PUBLIC: elliptic('P-384'),
  EC521_PUBLIC: elliptic('P-521'),
  ED_PUBLIC: pem(generateKeyPairSync('ed25519').publicKey),
  OIDC_SESSION_SECRET: 'x'.repeat(32),
}

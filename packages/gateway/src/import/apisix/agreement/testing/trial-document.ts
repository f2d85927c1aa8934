import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { PlaceName } from './facts.ts'
import type { Trial } from './configurations.ts'

const upstreams = [{ id: '1', type: 'roundrobin', nodes: { '127.0.0.1:1980': 1 } }]
const content = 'syntax = "proto3"; package a; service S { rpc Call (M) returns (M) {} } message M { string text = 1; }'

/** What of APISIX's is not in its resources, but in its `config.yaml`. */
export const SETTINGS = {
  listen: [8080, { address: 9100, protocol: 'tcp' }],
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
      // With what configurations refer to.
      return {
        upstreams,
        ...(plugin === 'grpc-transcode' ? { protos: [{ id: '1', content }] } : {}),
        routes: all.map((one) => ({ ...one, uri: `/${one.id}`, upstream_id: '1' })),
        consumers: [{ username: 'anonymous' }],
      }
    case 'consumer':
      return { consumers: all.map(({ id, plugins }) => ({ username: id, plugins })) }
    case 'stream':
      return {
        upstreams,
        stream_routes: all.map((one, at) => ({
          ...one,
          server_port: 9100,
          remote_addr: `10.0.0.${at}`,
          upstream_id: '1',
        })),
      }
    case 'metadata':
      return { plugin_metadata: trials.map(({ config }) => ({ id: plugin, ...config })) }
  }
}

/** How many trials one document holds: there is one metadata of a plugin, and what a consumer shows is its own. */
export const TRIALS_AT_ONCE: Readonly<Record<PlaceName, number>> = {
  options: 200,
  consumer: 1,
  metadata: 1,
  stream: 200,
}

/** The resources that configurations of a place stand on. */
export const KINDS: Readonly<Record<PlaceName, string>> = {
  options: 'routes',
  consumer: 'consumers',
  metadata: 'plugin_metadata',
  stream: 'stream_routes',
}

/** Where the configuration of a trial stands in it. */
export const pathOf = (plugin: string, place: PlaceName, at: number): string =>
  `/${KINDS[place]}/${at}${place === 'metadata' ? '' : `/plugins/${plugin}`}`

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

import type { PlaceName } from './facts.ts'

/** What configurations refer to. */
const AROUND = {
  upstreams: [{ id: '1', type: 'roundrobin', nodes: { '127.0.0.1:1980': 1 } }],
  protos: [
    {
      id: '1',
      content:
        'syntax = "proto3"; package a; service S { rpc Call (M) returns (M) {} } message M { string text = 1; }',
    },
  ],
}

/** A document of APISIX's with one configuration of a plugin in it. It is one of ours too. */
export function documentOf(plugin: string, place: PlaceName, config: object): Record<string, unknown> {
  const plugins = { [plugin]: config }
  switch (place) {
    case 'options':
      return {
        ...AROUND,
        routes: [{ id: 'r', uri: '/r', upstream_id: '1', plugins }],
        consumers: [{ username: 'anonymous' }],
      }
    case 'consumer':
      return { ...AROUND, consumers: [{ username: 'jack', plugins }] }
    case 'metadata':
      return { ...AROUND, plugin_metadata: [{ id: plugin, ...config }] }
  }
}

/** Where the configuration stands in it. */
export const pathOf = (plugin: string, place: PlaceName): string =>
  place === 'metadata'
    ? '/plugin_metadata/0'
    : place === 'consumer'
      ? `/consumers/0/plugins/${plugin}`
      : `/routes/0/plugins/${plugin}`

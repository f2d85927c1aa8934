import { expect, it } from 'vitest'
import { emptyResourceSet } from '@sekisho/gateway/internal/resources/resource-set'
import { summary } from './check.ts'

it('counts what there is, routes first', () => {
  const resources = emptyResourceSet()
  expect(summary('a.yaml', resources)).toBe('a.yaml is valid: no routes')
  for (const id of ['a', 'b']) resources.routes.set(id, { uri: `/${id}`, upstream_id: 'u' })
  resources.upstreams.set('u', { nodes: {} })
  for (const id of ['a', 'b', 'c']) resources.plugin_configs.set(id, { id, plugins: {} })
  expect(summary('a.yaml', resources)).toBe('a.yaml is valid: 2 routes, 1 upstream, 3 plugin configs')
})

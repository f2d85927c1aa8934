import { expect, test } from 'vitest'
import { emptyResourceSet } from '../../resources/resource-set.ts'
import type { Route } from '../../resources/route.ts'
import { FileControlPlane } from './file-control-plane.ts'

const route = (uri: string): Route => ({ uri, upstream: 'http://127.0.0.1:1' }) as Route

test('shows what is in force, with the revision of its last change', async () => {
  const resources = emptyResourceSet()
  resources.routes.set('1', route('/a'))
  resources.protos.set('p', { id: 'p', content: 'x', descriptors: 'y' })
  const control = new FileControlPlane({ revision: 1, resources })
  const seen: unknown[] = []
  const stop = control.onChange((change) => seen.push(change))
  control.apply({
    revision: 2,
    from: 1,
    operations: [
      { kind: 'routes', id: '1', value: route('/b') },
      { kind: 'routes', id: '2', value: route('/c') },
      { kind: 'protos', id: 'p', value: undefined },
    ],
  })
  stop()
  expect(control.get('routes', '1')).toMatchObject({ value: { uri: '/b' }, createRevision: 1, revision: 2 })
  expect(control.list('routes').map(({ id }) => id)).toEqual(['1', '2'])
  expect(control.get('protos', 'p')).toBeUndefined()
  expect(seen).toMatchObject([
    { revision: 2, differences: [{ before: { uri: '/a' } }, { before: undefined }, { before: { content: 'x' } }] },
  ])
  await expect(control.write()).rejects.toThrow('edit the file')
})

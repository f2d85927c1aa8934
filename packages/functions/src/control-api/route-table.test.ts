import { describe, expect, it } from 'vitest'
import type { Operation } from './operation.ts'
import { namedLabels, RouteTable } from './route-table.ts'

const operation = (name: string, method: Operation['method'], path: string): Operation => ({
  name,
  method,
  path,
  handle: () => ({ status: 200 }),
})

const table = new RouteTable([
  operation('CreateFunction', 'POST', '/2015-03-31/functions'),
  operation('ListFunctions', 'GET', '/2015-03-31/functions/'),
  operation('GetFunction', 'GET', '/2015-03-31/functions/{FunctionName}'),
  operation('GetAlias', 'GET', '/2015-03-31/functions/{FunctionName}/aliases/{Name}'),
  operation('ListLayers', 'GET', '/2018-10-31/layers'),
  operation('GetLayerVersionByArn', 'GET', '/2018-10-31/layers?find=LayerVersion'),
  operation('Special', 'GET', '/a/special/x'),
  operation('General', 'GET', '/a/{b}/y'),
])

const find = (method: string, target: string): unknown => {
  const [path, query = ''] = target.split('?')
  const routed = table.find(method, path, query)
  return typeof routed === 'object' ? [routed.operation.operation.name, namedLabels(routed)] : routed
}

describe('a table of operations', () => {
  it.each([
    ['POST', '/2015-03-31/functions', ['CreateFunction', {}]],
    ['POST', '/2015-03-31/functions/', ['CreateFunction', {}]],
    ['GET', '/2015-03-31/functions/?MaxItems=5', ['ListFunctions', {}]],
    ['GET', '/2015-03-31/functions/a', ['GetFunction', { FunctionName: 'a' }]],
    ['GET', '/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax', ['GetFunction', { FunctionName: 'arn:aws:lambda:x' }]],
    ['GET', '/2015-03-31/functions/a/aliases/live', ['GetAlias', { FunctionName: 'a', Name: 'live' }]],
    ['GET', '/2018-10-31/layers', ['ListLayers', {}]],
    ['GET', '/2018-10-31/layers?find=LayerVersion&Arn=x', ['GetLayerVersionByArn', {}]],
    ['GET', '/2018-10-31/layers?find=Other', ['ListLayers', {}]],
    ['GET', '/a/special/x', ['Special', {}]],
    ['GET', '/a/special/y', ['General', { b: 'special' }]],
    ['DELETE', '/2015-03-31/functions/a', undefined],
    ['GET', '/2015-03-31/functions/a/aliases', undefined],
    ['GET', '/2015-03-31/functions//aliases/a', undefined],
    ['GET', '/', undefined],
    ['GET', '*', undefined],
    ['GET', `/${'a/'.repeat(100)}`, undefined],
    ['GET', '/2015-03-31/functions/a%zz', 'a%zz'],
    ['GET', '/2015-03-31/functions/a%0Ab', 'a%0Ab'],
    ['GET', '/2015-03-31/functions/%C3%28', '%C3%28'],
    ['GET', '/2015-03-31/functions/constructor/aliases/__proto__', ['GetAlias', expect.anything()]],
  ])('%s %s', (method, target, expected) => {
    expect(find(method, target)).toEqual(expected)
  })

  it('refuses two operations that no request could tell apart', () => {
    const twice = [operation('A', 'GET', '/a/{b}'), operation('B', 'GET', '/a/{c}/')]
    expect(() => new RouteTable(twice)).toThrow('A and B have the same method and path')
  })
})

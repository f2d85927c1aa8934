import { describe, expect, it } from 'vitest'
import { InvalidNodeError } from './invalid-node-error.ts'
import { MAX_NODES, parseNodes } from './parse-nodes.ts'
import type { Nodes } from './parse-nodes.ts'

function pathOfError(nodes: unknown): string {
  try {
    // A configuration that TypeScript never saw.
    parseNodes(nodes as Nodes)
  } catch (error) {
    if (error instanceof InvalidNodeError) return error.path
    throw error
  }
  return 'no error'
}

describe('parseNodes', () => {
  it('reads addresses and written-out nodes in one list', () => {
    expect(parseNodes(['a:80', { address: 'b:81', weight: 3 }, { host: 'c', port: 82, priority: -1 }])).toEqual([
      { address: 'a:80', host: 'a', port: 80, weight: 1, priority: 0, metadata: undefined },
      { address: 'b:81', host: 'b', port: 81, weight: 3, priority: 0, metadata: undefined },
      { address: 'c:82', host: 'c', port: 82, weight: 1, priority: -1, metadata: undefined },
    ])
  })

  it('reads the short form', () => {
    expect(parseNodes({ '127.0.0.1:1980': 1, '[::1]:1981': 0 }).map((node) => [node.address, node.weight])).toEqual([
      ['127.0.0.1:1980', 1],
      ['[::1]:1981', 0],
    ])
  })

  it('accepts an empty set', () => {
    expect(parseNodes([])).toEqual([])
    expect(parseNodes({})).toEqual([])
  })

  it('keeps metadata as it is', () => {
    const metadata = { zone: 'a' }
    expect(parseNodes([{ host: 'a', metadata }])[0].metadata).toBe(metadata)
  })

  it.each([
    [['a:80', 'b:x'], '/1'],
    [[{ host: 'a', port: 70_000 }], '/0/port'],
    [[{ host: 'a', weight: -1 }], '/0/weight'],
    [[{ host: 'a', weight: 1.5 }], '/0/weight'],
    [[{ host: 'a', weight: 2 ** 31 }], '/0/weight'],
    [[{ host: 'a', priority: 0.5 }], '/0/priority'],
    [[{ address: 'a:b' }], '/0/address'],
    [[{ port: 80 }], '/0'],
    [[null], '/0'],
    [{ 'a:80': '1' }, '/a:80'],
    [{ 'unix:/a/b': -1 }, '/unix:~1a~1b'],
    ['a:80', ''],
    [['a:80', 'b:80', 'a:80'], '/2'],
  ])('points at what is wrong in %j', (nodes, path) => {
    expect(pathOfError(nodes)).toBe(path)
  })

  it('says where, what, and what would be right', () => {
    expect(() => parseNodes([{ host: 'a', weight: -1 }])).toThrow(
      'nodes/0/weight: invalid weight -1: a weight is a whole number from 0 to 2147483647',
    )
    expect(() => parseNodes(['a:80', 'a:80'])).toThrow('nodes/1: a:80 is listed twice; give it a higher weight instead')
  })

  it('has a limit', () => {
    const nodes = Array.from({ length: MAX_NODES + 1 }, (_, index) => `node-${index}`)
    expect(() => parseNodes(nodes)).toThrow('nodes: 65536 nodes, but at most 65535 are possible')
    expect(parseNodes(nodes.slice(1))).toHaveLength(MAX_NODES)
  })
})

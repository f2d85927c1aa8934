import { describe, expect, test } from 'vitest'
import { Layout } from './layout.ts'

describe('where things are', () => {
  const layout = new Layout('/apisix/')

  test('documents lie where APISIX has them', () => {
    expect(layout.keyOf('routes/1')).toBe('/apisix/routes/1')
    expect(layout.documentOf('/apisix/routes/1')).toBe('routes/1')
    expect(layout.documents).toEqual({ key: '/apisix/', rangeEnd: '/apisix0' })
  })

  test.each([
    '/apisix/routes/',
    '/apisix/routes',
    '/apisix/gen_id',
    '/apisix/unknown/1',
    '/apisix_history/1',
    '/other/routes/1',
  ])('%s is no document', (key) => expect(layout.documentOf(key)).toBeUndefined())

  test('history, parts and lock are outside, the marker is inside', () => {
    const { key, rangeEnd } = layout.documents
    const inside = (name: string): boolean => name >= key && name < rangeEnd
    expect([layout.history.key, layout.parts.key, layout.lock].filter(inside)).toEqual([])
    expect(inside(layout.marker)).toBe(true)
    expect(layout.documentOf(layout.marker)).toBeUndefined()
    // The history's own span does not reach into that of its parts.
    expect(layout.parts.key >= layout.history.key && layout.parts.key < layout.history.rangeEnd).toBe(false)
  })

  test.each(['', '/', '///', '/a\0b', `/${'x'.repeat(300)}`])('%j is no prefix', (prefix) => {
    expect(() => new Layout(prefix)).toThrow('write one like /sekisho')
  })
})

import { expect, it } from 'vitest'
import type { Difference } from '../admin-client/answers.ts'
import { ANSI, PLAIN } from '../terminal/colour.ts'
import { renderDifferences } from './render.ts'

const CHANGES: readonly Difference[] = [
  {
    kind: 'routes',
    id: 'hello',
    before: { id: 'hello', uri: '/hello', plugins: { 'limit-count': { count: 100 } }, methods: ['GET'] },
    after: { id: 'hello', uri: '/hello/*', plugins: { 'limit-count': { count: 200 }, 'request-id': {} } },
  },
  { kind: 'routes', id: 'old', before: { id: 'old', uri: '/old', upstream_id: 'one' }, after: null },
  { kind: 'upstreams', id: 'one', before: null, after: { id: 'one', nodes: { '127.0.0.1:80': 1 }, create_time: 1 } },
]

it('shows what is new, changed and removed, what is referred to first', () => {
  expect(renderDifferences(CHANGES, PLAIN)).toBe(`+ upstreams/one
    nodes: { "127.0.0.1:80": 1 }
~ routes/hello
    uri: /hello → /hello/*
    plugins.limit-count.count: 100 → 200
  + plugins.request-id: {}
  - methods: [GET]
- routes/old
    uri: /old
    upstream_id: one
1 new, 1 changed, 1 removed
`)
})

it('marks with colours', () => {
  const [, change] = CHANGES
  expect(renderDifferences([change], ANSI)).toBe(
    '\x1b[31m- routes/old\x1b[0m\n\x1b[31m    uri: /old\n    upstream_id: one\n\x1b[0m1 removed\n',
  )
})

it('puts long values below each other, and does not show texts of many lines', () => {
  const regex = (word: string): string => `^/a/very/long/regular/expression/${word}/(.*)$`
  const change: Difference = {
    kind: 'ssls',
    id: 'a',
    before: { cert: 'a\nb\nc\nd\n', name: regex('one') },
    after: { cert: 'a\nb\nc\nd\ne\n', name: regex('other') },
  }
  expect(renderDifferences([change], PLAIN)).toBe(`~ ssls/a
    cert: "(text of 4 lines)" → "(text of 5 lines)"
    name:
    - "^/a/very/long/regular/expression/one/(.*)$"
    + "^/a/very/long/regular/expression/other/(.*)$"
1 changed
`)
})

it('stops after 200 resources, and counts all', () => {
  const many = Array.from({ length: 250 }, (_, at): Difference => ({
    kind: 'routes',
    id: `r${at}`,
    after: { uri: '/' },
  }))
  const text = renderDifferences(many, PLAIN)
  expect(text).toContain('+ routes/r199\n')
  expect(text).not.toContain('routes/r200')
  expect(text).toMatch(/… and 50 more\n250 new\n$/)
})

it('lets no text steer the terminal', () => {
  const change: Difference = { kind: 'routes', id: 'a', before: { desc: 'a\u001b[2J' }, after: { desc: 'b\u009b2J' } }
  expect(renderDifferences([change], PLAIN)).toBe('~ routes/a\n    desc: "a\\u001b[2J" → "b 2J"\n1 changed\n')
})

it('says so when nothing differs', () => expect(renderDifferences([], PLAIN)).toBe('no differences\n'))

import { expect, it } from 'vitest'
import { callPath } from './call-path.ts'

it.each([
  ['/api/a.B/C', ['/api/*'], '/a.B/C'],
  ['/api/v1/a.B/C', ['/x', '/api/*', '/api/v1/*'], '/a.B/C'],
  ['/api/a.B/C', ['/*'], undefined],
  ['/a.B/C', ['/*'], undefined],
  ['/a.B/C', ['/a.B/*'], undefined],
  ['/api/x/a.B/C', ['/api/*'], undefined],
  ['/api/a.B/C', ['/api*'], undefined],
  ['/api/a.B/', ['/api/*'], undefined],
  ['/api/a.B/C', ['/api/a.B/C'], undefined],
  ['/api/a.B/C', [], undefined],
])('%s of %j becomes %s', (path, uris, expected) => expect(callPath(path, uris)).toBe(expected))

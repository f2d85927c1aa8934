import { expect, test } from 'vitest'
import { isFramingField } from './framing-fields.ts'

test('fields of a connection or of the length of a body are told from others, in any case', () => {
  expect(['Content-Length', 'TE', 'trailer', 'Proxy-Connection'].every(isFramingField)).toBe(true)
  expect(['Content-Type', 'Host', 'Proxy-Authorization', 'Expect'].some(isFramingField)).toBe(false)
})

import { expect, it } from 'vitest'
import { requestTrailers } from './request-trailers.ts'

it('lets trailers pass, but for those in which a client could say who it is', () => {
  expect(requestTrailers('')).toBe('')
  expect(requestTrailers('X-Checksum: 1\r\nServer-Timing: a\r\n')).toBe('X-Checksum: 1\r\nServer-Timing: a\r\n')
  expect(
    requestTrailers('X-Forwarded-For: 1.1.1.1\r\nX-Checksum: 1\r\nx-real-ip: 1\r\nX-Consumer-Username: root\r\n'),
  ).toBe('X-Checksum: 1\r\n')
  expect(requestTrailers('FORWARDED: for=1.1.1.1\r\n')).toBe('')
})

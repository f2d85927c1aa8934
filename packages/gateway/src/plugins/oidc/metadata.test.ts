import { expect, it } from 'vitest'
import { readMetadata } from './metadata.ts'

const good = { issuer: 'https://id', token_endpoint: 'https://id/token', jwks_uri: 'https://id/jwks' }
const read = (change: object, secure = true) => readMetadata(JSON.stringify({ ...good, ...change }), secure)

it('takes a document', () => {
  expect(read({ other: 1 })).toMatchObject({ ...good, other: 1 })
  expect(read({ token_endpoint: 'http://127.0.0.1/token' }, false)).toMatchObject({ issuer: 'https://id' })
})

it.each([
  [{ issuer: undefined }, 'the discovery document has no issuer'],
  [{ jwks_uri: 'http://id/jwks' }, 'its jwks_uri is not https, as the document itself is'],
  [{ token_endpoint: 'javascript:alert(1)' }, 'its token_endpoint is no URL'],
  [{ authorization_endpoint: '//id/auth' }, 'its authorization_endpoint is no URL'],
  [{ end_session_endpoint: 7 }, 'its end_session_endpoint is no URL'],
  [{ userinfo_endpoint: 'https://' }, 'its userinfo_endpoint is no URL'],
])('refuses %j', (change, problem) => {
  expect(read(change)).toBe(problem)
})

it.each(['', 'null', '[]', '"x"', '{', '<html>'])('refuses %s', (text) => {
  expect(typeof readMetadata(text, true)).toBe('string')
})

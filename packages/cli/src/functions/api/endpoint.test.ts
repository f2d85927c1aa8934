import { expect, it } from 'vitest'
import { endpointOf } from './endpoint.ts'

const urlOf = (endpointUrl: string | undefined, environment: Record<string, string> = {}): string =>
  endpointOf(endpointUrl === undefined ? {} : { endpointUrl }, environment).url.href

it('is where it is said: by the option, the variables of the SDKs, or as usual', () => {
  expect(urlOf(undefined)).toBe('http://127.0.0.1:9190/')
  expect(urlOf(undefined, { AWS_ENDPOINT_URL: 'http://a:1' })).toBe('http://a:1/')
  expect(urlOf(undefined, { AWS_ENDPOINT_URL: 'http://a:1', AWS_ENDPOINT_URL_LAMBDA: 'http://b:1' })).toBe(
    'http://b:1/',
  )
  expect(endpointOf({}, {}, 'http://127.0.0.1:2').url.href).toBe('http://127.0.0.1:2/')
  expect(urlOf('127.0.0.1:1', { AWS_ENDPOINT_URL_LAMBDA: 'http://b:1' })).toBe('http://127.0.0.1:1/')
})

it('refuses what is no address, and names who said it', () => {
  expect(() => urlOf('ftp://x')).toThrow('--endpoint-url "ftp://x" is not an address; write http://HOST:PORT')
  expect(() => urlOf(undefined, { AWS_ENDPOINT_URL: 'http://' })).toThrow(
    'AWS_ENDPOINT_URL "http://" is not an address',
  )
})

it('has credentials only when both parts are there', () => {
  expect(endpointOf({}, { AWS_ACCESS_KEY_ID: 'a' }).credentials).toBeUndefined()
  const both = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' }
  expect(endpointOf({}, both).credentials).toEqual({ accessKeyId: 'a', secretAccessKey: 's' })
  expect(endpointOf({}, { ...both, AWS_SESSION_TOKEN: 't', AWS_REGION: 'eu-west-1' })).toMatchObject({
    region: 'eu-west-1',
    credentials: { sessionToken: 't' },
  })
})

import { expect, test } from 'vitest'
import type { Ssl } from '../resources/ssl.ts'
import { certificateWarnings } from './certificate-warnings.ts'
import { A_RSA_CERTIFICATE, A_RSA_KEY } from './testing/rsa-certificate.ts'
import { A_CERTIFICATE, A_EXPIRED, KEY, WILD_CERTIFICATE } from './testing/server-certificates.ts'

const NOW = Date.parse('2026-11-21T00:00:00Z')
const warnings = (ssl: Partial<Ssl>, now = NOW): string[] =>
  certificateWarnings([['x', { cert: A_CERTIFICATE, key: KEY, ...ssl }]], now)

test.each<[string, Partial<Ssl>, string[]]>([
  ['all is well', { sni: 'a.test' }, []],
  ['all names', { snis: ['a.test', 'www.a.test', '*'] }, []],
  ['a wildcard', { snis: ['*.wild.test', 'b.wild.test'], cert: WILD_CERTIFICATE }, []],
  [
    'its time is over',
    { sni: 'a.test', cert: A_EXPIRED },
    ['the certificate of ssl "x" has expired on Jan  1 00:00:00 2021 GMT'],
  ],
  [
    'a name that it does not have',
    { snis: ['a.test', 'b.test'] },
    ['the certificate of ssl "x" is not for b.test: it names a.test, www.a.test'],
  ],
  [
    'a wildcard that it does not have',
    { sni: '*.a.test' },
    ['the certificate of ssl "x" is not for *.a.test: it names a.test, www.a.test'],
  ],
  [
    'further certificates too',
    { sni: 'www.a.test', certs: [A_RSA_CERTIFICATE], keys: [A_RSA_KEY] },
    ['the certificate of ssl "x" is not for www.a.test: it names a.test'],
  ],
  ['switched off', { sni: 'b.test', status: 0 }, []],
  ['for upstreams', { type: 'client' }, []],
])('%s', (_what, ssl, expected) => {
  expect(warnings(ssl)).toEqual(expected)
})

test('its time is nearly over, or has not begun', () => {
  expect(warnings({ sni: 'a.test' }, Date.parse('2119-12-30T12:00:00Z'))).toEqual([
    'the certificate of ssl "x" expires in 1 day',
  ])
  expect(warnings({ sni: 'a.test' }, Date.parse('2019-12-30T12:00:00Z'))).toEqual([
    'the certificate of ssl "x" is not valid before Jan  1 00:00:00 2020 GMT',
  ])
})

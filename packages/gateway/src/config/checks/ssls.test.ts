import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { AUTHORITY, INTERMEDIATE } from '../../tls/testing/authorities.ts'
import { BOB } from '../../tls/testing/client-certificates.ts'
import { A_RSA_CERTIFICATE, A_RSA_KEY } from '../../tls/testing/rsa-certificate.ts'
import { A_CERTIFICATE, A_EXPIRED, A_RENEWED, B_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { loadConfigText } from '../load.ts'
import { problemLine } from '../render.ts'
import { testPlugins } from '../testing/plugins.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-ssls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'test.json')

const load = (document: object, environment: Record<string, string> = {}) =>
  loadConfigText(file, JSON.stringify(document), { plugins: testPlugins, environment })

/** What is wrong with a document, each as its path and words. */
const problems = async (document: object, environment?: Record<string, string>): Promise<string[]> =>
  ((await load(document, environment)).problems ?? []).map((problem) =>
    problemLine({ ...problem, file: '', line: 0 }).trim(),
  )

const PAIR = { cert: A_CERTIFICATE, key: KEY }
const wrong = (ssl: object): Promise<string[]> => problems({ ssls: [{ id: 'a', sni: 'a.test', ...PAIR, ...ssl }] })

describe('accepted', () => {
  test.each<[string, object]>([
    ['one name', {}],
    ['several names', { sni: undefined, snis: ['a.test', '*.a.test', '*'] }],
    ['RSA and ECDSA side by side', { certs: [A_RSA_CERTIFICATE], keys: [A_RSA_KEY] }],
    [
      'what asks for client certificates',
      { client: { ca: AUTHORITY + INTERMEDIATE, depth: 0, skip_mtls_uri_regex: ['^/open/'] } },
    ],
    ['one version', { ssl_protocols: ['TLSv1.3'] }],
    [
      'ciphers, with some taken out that nobody knows any more',
      { ciphers: 'ECDHE+AESGCM:HIGH:!aNULL:!MD5:!RC4:@SECLEVEL=2' },
    ],
    ['a certificate that is over: a restart must be possible', { cert: A_EXPIRED }],
    ['metadata', { name: 'n', desc: 'd', labels: { a: 'b' }, status: 0, create_time: 1, update_time: 2 }],
    ['a certificate for upstreams', { sni: undefined, type: 'client' }],
  ])('%s', async (_what, ssl) => {
    expect(await wrong(ssl)).toEqual([])
  })
})

describe('refused', () => {
  test.each<[string, object, string[]]>([
    [
      'no name',
      { sni: undefined },
      [
        '/ssls/0  "sni" is missing, the name that the certificate is for; add "sni" or "snis"; "*" is every name, and "type: client" a certificate for upstreams',
      ],
    ],
    ['sni and snis', { snis: ['b.test'] }, ['/ssls/0  an ssl has both "sni" and "snis"; keep one of the two']],
    [
      'a name that is none',
      { sni: 'a.*.test' },
      ['/ssls/0/sni  "a.*.test": must be a host name, "*.example.com" (for one label), or "*" (for every other name)'],
    ],
    [
      'a key of another certificate',
      { key: A_RSA_KEY },
      ['/ssls/0/key  the key does not belong to the certificate; the certificate is that of CN=a.test'],
    ],
    [
      'the chain in the wrong order',
      { cert: A_RSA_CERTIFICATE + A_CERTIFICATE },
      [
        "/ssls/0/key  the key does not belong to the certificate; it belongs to certificate number 2 of the chain: the server's own must come first",
      ],
    ],
    [
      "cert and key in each other's place",
      { cert: KEY, key: A_CERTIFICATE },
      [
        '/ssls/0/cert  holds a private key; a certificate begins with "-----BEGIN CERTIFICATE-----"',
        '/ssls/0/key  holds no private key, but a certificate; a private key begins with "-----BEGIN PRIVATE KEY-----"',
      ],
    ],
    [
      'text that is no PEM',
      { cert: 'x' },
      ['/ssls/0/cert  holds no certificate; a certificate begins with "-----BEGIN CERTIFICATE-----"'],
    ],
    [
      'a key with a passphrase',
      { key: KEY.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE') },
      ['/ssls/0/key  is protected by a passphrase; decrypt it: openssl pkey -in KEY -out NEW'],
    ],
    [
      'an unknown cipher',
      { ciphers: 'ECDHE-RSA-AES128-GCM-SHA265' },
      [
        '/ssls/0/ciphers  "ECDHE-RSA-AES128-GCM-SHA265": OpenSSL does not know "ECDHE-RSA-AES128-GCM-SHA265"; did you mean "ECDHE-RSA-AES128-GCM-SHA256"?',
      ],
    ],
    [
      'a version that is too old',
      { ssl_protocols: ['TLSv1.1'] },
      ['/ssls/0/ssl_protocols/0  "TLSv1.1": must be "TLSv1.2" or "TLSv1.3"; did you mean "TLSv1.2"?'],
    ],
    [
      'a CA that is none',
      { client: { ca: A_CERTIFICATE } },
      [
        '/ssls/0/client/ca  certificate 1 of 1 (CN=a.test) is no certificate authority; give the certificate of who signed it',
      ],
    ],
    [
      'a bad expression',
      { client: { ca: AUTHORITY, skip_mtls_uri_regex: ['('] } },
      [expect.stringMatching(/^\/ssls\/0\/client\/skip_mtls_uri_regex\/0 {2}"\("/) as unknown as string],
    ],
    ['certs without keys', { certs: [A_RSA_CERTIFICATE] }, ['/ssls/0  "certs" needs "keys" too']],
    [
      'fewer keys than certs',
      { certs: [A_RSA_CERTIFICATE, B_CERTIFICATE], keys: [A_RSA_KEY] },
      ['/ssls/0/keys  are 1, and "certs" are 2'],
    ],
    [
      'two of one kind',
      { certs: [B_CERTIFICATE], keys: [KEY] },
      [
        '/ssls/0/certs/0  is a second certificate with a key of the kind ec: only one of each kind can be shown; keep one RSA and one ECDSA certificate',
      ],
    ],
    [
      'names of a certificate for upstreams',
      { type: 'client' },
      [
        '/ssls/0/sni  "sni" has no meaning with "type: client"; remove it; upstreams refer to the certificate by "tls.client_cert_id"',
      ],
    ],
    [
      'a secret',
      { key: '$secret://vault/1/ssl/key' },
      ['/ssls/0/key  "$secret://vault/1/ssl/key": there is no secret manager "vault/1"; add it to "secrets"'],
    ],
    [
      'an environment variable that is not set',
      { key: '$env://NONE' },
      ['/ssls/0/key  "$env://NONE": environment variable "NONE" is not set; set it before the start'],
    ],
  ])('%s', async (_what, ssl, expected) => {
    expect(await wrong(ssl)).toEqual(expected)
  })

  test('a name that two have', async () => {
    const other = { id: 'b', snis: ['b.test', 'A.test'], cert: B_CERTIFICATE, key: KEY }
    expect(await problems({ ssls: [{ id: 'a', sni: 'a.test', ...PAIR }, other] })).toEqual([
      '/ssls/1/snis/1  "a.test": is a name of ssl "a" already; keep one of the two; "certs" and "keys" hold a second certificate for the same name',
    ])
    expect(await problems({ ssls: [{ id: 'a', sni: 'a.test', ...PAIR, status: 0 }, other] })).toEqual([])
  })

  test('a name that acme cares for', async () => {
    const acme = { domains: ['A.test'], agree_to_terms: true }
    const listen = [80, { address: 443, tls: true }]
    expect(await problems({ listen, acme, ssls: [{ id: 'a', sni: 'a.test', ...PAIR }] })).toEqual([
      expect.stringContaining('is a name of "acme" already'),
    ])
  })

  test('acme without the listeners that it needs', async () => {
    const acme = { domains: ['a.test'], agree_to_terms: true }
    expect(await problems({ acme, listen: [80] })).toEqual([
      '/acme  gets certificates that no listener shows; add { address: 443, tls: true } to "listen"',
    ])
    expect(await problems({ acme, listen: [{ address: 443, tls: true }] })).toEqual([
      '/acme  needs a listener without TLS, where the authority asks for what proves that the domains are yours; add 80 to "listen"',
    ])
  })

  test('a TLS listener without any certificate', async () => {
    const listen = [{ address: 8443, tls: true }]
    expect(await problems({ listen })).toEqual([
      '/listen/0/tls  true: needs a certificate; add one to "ssls", set "acme", or write { cert: FILE, key: FILE }',
    ])
    expect(await problems({ listen, ssls: [{ sni: 'a.test', ...PAIR }] })).toEqual([])
    expect(await problems({ listen: [80, ...listen], acme: { domains: ['a.test'], agree_to_terms: true } })).toEqual([])
  })

  test.each<[object, string]>([
    [{ domains: ['a.test'] }, '/acme  "agree_to_terms" is missing'],
    [{ domains: ['a.test'], agree_to_terms: false }, '/acme/agree_to_terms  false: must be true'],
    [
      { domains: ['*.a.test'], agree_to_terms: true },
      '/acme/domains/0  "*.a.test": must be a full host name, as "www.example.com"; wildcards need DNS, which is not in this version',
    ],
    [
      { domains: ['a.test'], agree_to_terms: true, directory: 'zerossl' },
      '/acme/directory  "zerossl": must be "letsencrypt", "letsencrypt-staging" or the URL of a directory',
    ],
  ])('acme %j', async (acme, message) => {
    expect(await problems({ acme })).toEqual([message])
  })
})

describe('references', () => {
  test('files and environment variables become text', async () => {
    writeFileSync(join(folder, 'a.pem'), A_CERTIFICATE)
    const { config } = await load(
      { ssls: [{ id: 'a', sni: 'a.test', cert: { file: './a.pem' }, key: '$env://KEY' }] },
      { KEY },
    )
    expect(config?.resources.ssls.get('a')).toEqual({ id: 'a', sni: 'a.test', cert: A_CERTIFICATE, key: KEY })
    expect(config?.files).toEqual([join(folder, 'a.pem')])
  })

  test('a file that is not there', async () => {
    expect(await wrong({ cert: { file: 'none.pem' } })).toEqual([
      `/ssls/0/cert/file  "none.pem": the file does not exist; it was looked for at ${join(folder, 'none.pem')}`,
    ])
  })

  test('a file that is no certificate by its size', async () => {
    writeFileSync(join(folder, 'large.pem'), 'x'.repeat(70_000))
    expect(await wrong({ cert: { file: 'large.pem' } })).toEqual([
      '/ssls/0/cert/file  "large.pem": the file has 70000 bytes, and what is referred to at most 65536',
    ])
  })

  test('without an id, a renewed certificate is the same resource', async () => {
    const idOf = async (cert: string): Promise<string[]> => [
      ...((await load({ ssls: [{ sni: 'a.test', cert, key: KEY }] })).config?.resources.ssls.keys() ?? []),
    ]
    expect(await idOf(A_CERTIFICATE)).toEqual(await idOf(A_RENEWED))
    expect(await idOf(A_CERTIFICATE)).toHaveLength(1)
  })
})

describe('upstreams', () => {
  const client = { id: 'alice', type: 'client', cert: BOB, key: KEY }
  const using = (tls: object, ssls: object[] = [client]): Promise<string[]> =>
    problems({ ssls, routes: [{ uri: '/', upstream: { scheme: 'https', nodes: { 'a:1': 1 }, tls } }] })

  test.each<[string, object]>([
    ['an ssl for upstreams', { client_cert_id: 'alice' }],
    ['a pair of its own', { client_cert: BOB, client_key: KEY }],
    ['an authority and a name', { ca: AUTHORITY, sni: 'upstream.test' }],
  ])('%s is accepted', async (_what, tls) => {
    expect(await using(tls)).toEqual([])
  })

  const path = '/routes/0/upstream/tls'
  test.each<[string, object, string]>([
    [
      'an ssl that is not there',
      { client_cert_id: 'bob' },
      `${path}/client_cert_id  "bob": there is no ssl with this id; add it to "ssls", with "type: client"`,
    ],
    [
      'an authority that is none',
      { ca: A_CERTIFICATE },
      `${path}/ca  certificate 1 of 1 (CN=a.test) is no certificate authority; give the certificate of who signed it`,
    ],
    [
      'an authority that nobody asks',
      { ca: AUTHORITY, verify: false },
      `${path}/ca  has no meaning with "verify: false"; remove one of the two`,
    ],
    [
      'a key of another certificate',
      { client_cert: BOB, client_key: A_RSA_KEY },
      `${path}/client_key  the key does not belong to the certificate; the certificate is that of CN=bob`,
    ],
  ])('%s', async (_what, tls, message) => {
    expect(await using(tls)).toEqual([message])
  })

  test('an ssl for servers', async () => {
    expect(await using({ client_cert_id: 'a' }, [{ id: 'a', sni: 'a.test', ...PAIR }])).toEqual([
      `${path}/client_cert_id  "a": is an ssl for clients that come in, not for upstreams; set "type: client" there`,
    ])
  })

  test('an ssl with mistakes of its own is not missing as well', async () => {
    expect(await using({ client_cert_id: 'a' }, [{ id: 'a', type: 'client' }])).toEqual([
      '/ssls/0  "cert" is missing',
      '/ssls/0  "key" is missing',
    ])
  })
})

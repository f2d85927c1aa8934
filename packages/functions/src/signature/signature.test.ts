import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AwsCredentialIdentity, HttpRequest } from '@smithy/types'
import { describe, expect, it } from 'vitest'
import { encodeUri } from './canonical-request.ts'
import { ChunkSigner, STREAMING_PAYLOAD } from './chunk-signer.ts'
import type { Credentials } from './credentials.ts'
import { presignUrl, signRequest, UNSIGNED_PAYLOAD } from './sign-request.ts'
import { SignatureProblem, verifyRequest, type RequestToVerify } from './verify-request.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? 20_261_121)
/** mulberry32 */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const EXAMPLE: Credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}

interface RandomRequest {
  method: string
  path: string
  query: Record<string, string | string[]>
  headers: Record<string, string>
  body: string
  service: string
  credentials: Credentials
  now: Date
}

/** A path that `new URL` leaves alone, so that both sides sign the same bytes. */
function randomRequest(next: () => number): RandomRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
  const text = (): string =>
    Array.from({ length: Math.floor(next() * 8) }, () => pick([..."aZ09-_.~ !*'()+/=&?:@$żü日😀%"])).join('')
  const segment = (): string => encodeUri(text()).replace(/^(\.|%2E){1,2}$/i, 'dots')
  const query: Record<string, string | string[]> = {}
  for (let left = Math.floor(next() * 4); left > 0; left--) {
    query[text() || 'k'] = next() < 0.2 ? [text(), text()] : text()
  }
  const headers: Record<string, string> = { host: 'lambda.us-east-1.amazonaws.com' }
  for (let left = Math.floor(next() * 4); left > 0; left--) {
    headers[
      pick(['Content-Type', 'X-Amz-Invocation-Type', 'x-amz-meta-a', 'User-Agent', 'Accept', 'X-Amzn-Trace-Id'])
    ] = pick(['a', '  two   blanks ', 'application/json', 'a,b', 'x\ty'])
  }
  return {
    method: pick(['GET', 'POST', 'PUT', 'DELETE']),
    path: '/' + Array.from({ length: Math.floor(next() * 4) }, segment).join('/'),
    query,
    headers,
    body: next() < 0.5 ? '' : text(),
    service: pick(['lambda', 's3', 'execute-api']),
    credentials: { ...EXAMPLE, ...(next() < 0.3 ? { sessionToken: `token/${encodeUri(text())}=` } : {}) },
    now: new Date(1_700_000_000_000 + Math.floor(next() * 1e11)),
  }
}

const queryText = (query: RandomRequest['query']): string =>
  Object.entries(query)
    .flatMap(([name, value]) => [value].flat().map((one) => `${encodeUri(name)}=${encodeUri(one)}`))
    .join('&')

const urlOf = (request: RandomRequest): string => {
  const query = queryText(request.query)
  return `https://lambda.us-east-1.amazonaws.com${request.path}${query === '' ? '' : `?${query}`}`
}

const judge = (request: RandomRequest): SignatureV4 =>
  new SignatureV4({
    service: request.service,
    region: 'us-east-1',
    credentials: request.credentials as AwsCredentialIdentity,
    sha256: Sha256,
    uriEscapePath: request.service !== 's3',
  })

const judged = ({ method, path, query, headers, body }: RandomRequest): HttpRequest => ({
  method,
  protocol: 'https:',
  hostname: 'lambda.us-east-1.amazonaws.com',
  path,
  query,
  headers,
  body,
})

describe('against @smithy/signature-v4', () => {
  it(`signs 500 random requests alike, and verifies them (seed ${SEED})`, async () => {
    const next = random(SEED)
    for (let count = 0; count < 500; count++) {
      const request = randomRequest(next)
      const theirs = await judge(request).sign(judged(request), { signingDate: request.now })
      const ours = signRequest({ ...request, url: urlOf(request), region: 'us-east-1' })
      expect(ours.headers['authorization'], JSON.stringify(request)).toBe(theirs.headers['authorization'])
      const received: RequestToVerify = {
        method: request.method,
        path: request.path,
        query: queryText(request.query),
        headers: Object.entries(ours.headers),
        body: Buffer.from(request.body),
      }
      const options = { credentials: () => request.credentials, services: [request.service], now: request.now }
      expect(verifyRequest(received, options), JSON.stringify(request)).toMatchObject({ accessKeyId: 'AKIDEXAMPLE' })
    }
  })

  it(`signs 300 random links alike, and verifies them (seed ${SEED})`, async () => {
    const next = random(SEED + 1)
    for (let count = 0; count < 300; count++) {
      const random = randomRequest(next)
      // Names of headers that move into the query stay as they are there, in lower case here.
      const lower = Object.entries(random.headers).map(([name, value]) => [name.toLowerCase(), value])
      const request = { ...random, headers: Object.fromEntries(lower) as Record<string, string> }
      const theirs = await judge(request).presign(judged(request), { signingDate: request.now, expiresIn: 900 })
      const url = presignUrl({ ...request, url: urlOf(request), region: 'us-east-1', expiresInSeconds: 900 })
      expect(url.searchParams.get('X-Amz-Signature'), JSON.stringify(request)).toBe(theirs.query?.['X-Amz-Signature'])
    }
  })

  it('verifies a link whose payload is not signed', () => {
    const now = new Date('2026-11-21T18:00:00Z')
    const url = presignUrl({
      method: 'GET',
      url: 'http://127.0.0.1:9000/bucket/a%20b.zip',
      service: 's3',
      region: 'us-east-1',
      credentials: EXAMPLE,
      payloadHash: UNSIGNED_PAYLOAD,
      now,
      expiresInSeconds: 60,
    })
    const received: RequestToVerify = {
      method: 'GET',
      path: url.pathname,
      query: url.search.slice(1),
      headers: [['Host', url.host]],
      body: Buffer.alloc(0),
    }
    const at = (ms: number) => ({
      credentials: () => EXAMPLE,
      services: ['s3'],
      now: new Date(now.getTime() + ms),
    })
    expect(verifyRequest(received, at(60_000))).not.toBeInstanceOf(SignatureProblem)
    expect(verifyRequest(received, at(61_000))).toMatchObject({
      message: 'Signature expired: 20261121T180000Z is now earlier than 20261121T180001Z (20261121T180101Z)',
    })
    expect(verifyRequest({ ...received, path: '/bucket/other.zip' }, at(0))).toBeInstanceOf(SignatureProblem)
  })
})

describe('examples that AWS publishes', () => {
  const received: RequestToVerify = {
    method: 'GET',
    path: '/',
    query: 'Action=ListUsers&Version=2010-05-08',
    headers: [
      ['Host', 'iam.amazonaws.com'],
      ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
      ['X-Amz-Date', '20150830T123600Z'],
      [
        'Authorization',
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
      ],
    ],
    body: Buffer.alloc(0),
  }
  const options = {
    credentials: (id: string) => (id === 'AKIDEXAMPLE' ? EXAMPLE : undefined),
    services: ['iam'],
    now: new Date('2015-08-30T12:36:00Z'),
  }

  it('ListUsers', () => {
    expect(verifyRequest(received, options)).toEqual({
      accessKeyId: 'AKIDEXAMPLE',
      region: 'us-east-1',
      service: 'iam',
    })
  })

  it.each<[string, Partial<RequestToVerify>, Partial<typeof options> & { region?: string }, string, string]>([
    ['another method', { method: 'POST' }, {}, 'InvalidSignatureException', 'does not match'],
    ['another path', { path: '/a' }, {}, 'InvalidSignatureException', 'does not match'],
    ['another query', { query: 'Action=ListRoles&Version=2010-05-08' }, {}, 'InvalidSignatureException', 'not match'],
    ['a broken query', { query: 'Action=%zz' }, {}, 'InvalidSignatureException', 'does not match'],
    ['another body', { body: Buffer.from('a') }, {}, 'InvalidSignatureException', 'does not match'],
    ['an unknown key', {}, { credentials: () => undefined }, 'UnrecognizedClientException', 'token'],
    [
      'another secret',
      {},
      { credentials: () => ({ ...EXAMPLE, secretAccessKey: 'x' }) },
      'InvalidSignatureException',
      'does not match',
    ],
    [
      'a token that is missing',
      {},
      { credentials: () => ({ ...EXAMPLE, sessionToken: 'x' }) },
      'UnrecognizedClientException',
      'token',
    ],
    ['another service', {}, { services: ['lambda'] }, 'InvalidSignatureException', "correct service: 'lambda'"],
    ['another region', {}, { region: 'eu-west-1' }, 'InvalidSignatureException', 'valid region'],
    ['a late clock', {}, { now: new Date('2015-08-30T12:41:01Z') }, 'InvalidSignatureException', 'expired'],
    ['an early clock', {}, { now: new Date('2015-08-30T12:30:59Z') }, 'InvalidSignatureException', 'not yet current'],
    [
      'no signature',
      { headers: [['Host', 'iam.amazonaws.com']] },
      {},
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
    ],
    [
      'a header that changes the meaning and is not covered',
      { headers: [...received.headers, ['X-Amz-Target', 'Logs.X']] },
      {},
      'InvalidSignatureException',
      "'x-amz-target' must be",
    ],
    [
      'a header that was sent twice',
      { headers: [...received.headers, ['Content-Type', 'a']] },
      {},
      'InvalidSignatureException',
      'does not match',
    ],
  ])('refuses %s', (_, change, other, code, words) => {
    const problem = verifyRequest({ ...received, ...change }, { ...options, ...other })
    expect(problem).toMatchObject({ code })
    expect((problem as SignatureProblem).message).toContain(words)
  })

  it('a body in signed chunks', () => {
    const credentials = {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    }
    expect(ChunkSigner.framedLength(66_560, 65_536)).toBe(66_824)
    const request = signRequest({
      method: 'PUT',
      url: 'https://s3.amazonaws.com/examplebucket/chunkObject.txt',
      headers: {
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '66560',
        'content-length': '66824',
      },
      payloadHash: STREAMING_PAYLOAD,
      service: 's3',
      region: 'us-east-1',
      credentials,
      now: new Date('2013-05-24T00:00:00Z'),
    })
    expect(request.signature).toBe('4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9')
    const signer = new ChunkSigner(credentials, request)
    const heads = [65_536, 1_024, 0].map((bytes) => signer.frame(Buffer.alloc(bytes, 'a')).toString().split('\r\n')[0])
    expect(heads).toEqual([
      '10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      '0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ])
  })
})

it(`never throws for what strangers claim (seed ${SEED})`, () => {
  const next = random(SEED + 2)
  const good =
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=' +
    '5d'.repeat(32)
  const bytes = [...'=,;/ %AZaz09-\tż\0']
  for (let count = 0; count < 5_000; count++) {
    const text = [...good]
    for (let edits = 1 + Math.floor(next() * 6); edits > 0; edits--) {
      text.splice(Math.floor(next() * text.length), Math.floor(next() * 9), bytes[Math.floor(next() * bytes.length)])
    }
    const inQuery = next() < 0.3
    const result = verifyRequest(
      {
        method: 'GET',
        path: '/',
        query: inQuery ? `X-Amz-Algorithm=${text.join('')}&X-Amz-Credential=${text.join('')}` : '',
        headers: [
          ['host', 'a'],
          ['x-amz-date', '20150830T123600Z'],
          ...(inQuery ? [] : [['authorization', text.join('')] as const]),
        ],
        body: Buffer.alloc(0),
      },
      { credentials: () => EXAMPLE, services: ['iam'], now: new Date('2015-08-30T12:36:00Z') },
    )
    expect(result).toBeInstanceOf(SignatureProblem)
  }
})

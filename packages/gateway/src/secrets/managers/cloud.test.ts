import { createVerify, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { AwsSecret, GcpSecret } from '../../resources/secret.ts'
import { readAws } from './aws.ts'
import { readGcp } from './gcp.ts'

interface Asked {
  readonly line: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function server(
  answer: (asked: Asked) => [status: number, body: object],
): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = []
  const listening = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const one = { line: `${request.method} ${request.url}`, headers: request.headers, body }
      asked.push(one)
      const [status, value] = answer(one)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(value))
    })
  })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  onTestFinished(() => {
    listening.closeAllConnections()
    listening.close()
  })
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, asked }
}

const aws = (url: string): AwsSecret =>
  ({
    id: 'aws/1',
    access_key_id: 'AKID',
    secret_access_key: 'secret',
    session_token: 's',
    region: 'eu-central-1',
    endpoint_url: url,
  }) as AwsSecret

test('AWS: a secret by its name, signed', async () => {
  const { url, asked } = await server(() => [200, { Name: 'team/jack', SecretString: '{"key":"one","n":1}' }])
  expect(await readAws(aws(url), 'team/jack')).toEqual({
    fields: new Map([
      ['key', 'one'],
      ['n', '1'],
    ]),
    text: '{"key":"one","n":1}',
  })
  const [{ line, headers, body }] = asked as [Asked]
  expect([line, body, headers['x-amz-target']]).toEqual([
    'POST /',
    '{"SecretId":"team/jack"}',
    'secretsmanager.GetSecretValue',
  ])
  expect(headers['authorization']).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/secretsmanager\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}$/,
  )
})

test('AWS: what it refuses', async () => {
  const missing = await server(() => [400, { __type: 'ResourceNotFoundException', Message: 'cannot find' }])
  expect(await readAws(aws(missing.url), 'x')).toMatchObject({
    unreachable: false,
    message: expect.stringMatching(/there is no secret "x"/),
  })
  const refused = await server(() => [
    400,
    { __type: 'com.amazon#UnrecognizedClientException', message: 'the token is invalid' },
  ])
  expect(await readAws(aws(refused.url), 'x')).toMatchObject({
    message: expect.stringMatching(/400 \(UnrecognizedClientException: the token is invalid\)/),
  })
  const binary = await server(() => [200, { SecretBinary: 'AAAA' }])
  expect(await readAws(aws(binary.url), 'x')).toMatchObject({ message: 'the secret "x" is binary' })
})

test('Google: an access token by a signed assertion, once; then secrets', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { url, asked } = await server(({ line }) =>
    line === 'POST /token'
      ? [200, { access_token: 'ya29', expires_in: 3599 }]
      : [200, { payload: { data: Buffer.from('{"key":"two"}').toString('base64') } }],
  )
  const config = {
    id: 'gcp/1',
    auth_config: {
      client_email: 'gw@p.iam.gserviceaccount.com',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      project_id: 'p',
      token_uri: `${url}/token`,
      entries_uri: `${url}/v1`,
    },
  } as unknown as GcpSecret
  const read = { fields: new Map([['key', 'two']]), text: '{"key":"two"}' }
  expect([await readGcp(config, 'jack'), await readGcp(config, 'jack')]).toEqual([read, read])
  const path = 'GET /v1/projects/p/secrets/jack/versions/latest:access'
  expect(asked.map(({ line }) => line)).toEqual(['POST /token', path, path])
  expect(asked[1]!.headers['authorization']).toBe('Bearer ya29')
  const form = new URLSearchParams(asked[0]!.body)
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [head, claims, signature] = form.get('assertion')!.split('.') as [string, string, string]
  expect(createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(true)
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    iss: 'gw@p.iam.gserviceaccount.com',
    aud: `${url}/token`,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
  })
})

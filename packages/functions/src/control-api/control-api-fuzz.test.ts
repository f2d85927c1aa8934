import { Headers } from '@sekisho/wire'
import { expect, it } from 'vitest'
import type { HttpReply } from '../http/http-exchange.ts'
import { FunctionUrls } from '../function-url/function-urls.ts'
import { MemoryState } from '../state/memory-state.ts'
import { ControlApi } from './control-api.ts'
import { logEventActions } from './logs-service/log-events.ts'
import { logGroupActions } from './logs-service/log-groups.ts'
import { LogsSurface } from './logs-service/logs-surface.ts'
import { OpenEndpoints, OwnEndpoints } from './own/own-endpoints.ts'
import { PackageLinks } from './package-links.ts'
import { QuerySurface } from './query/query-surface.ts'
import { iamService, stsService } from './query/services.ts'
import { FakeCatalog } from './testing/fake-catalog.ts'
import { FakeEngine, result } from './testing/fake-engine.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? 20_261_121)
const ROUNDS = Number(process.env['SEKISHO_ROUNDS'] ?? 20_000)

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

/** Counts what an answer is made of; complains when it is not one answer. */
class CountingReply implements HttpReply {
  onDrain: (() => void) | undefined
  onLost: (() => void) | undefined
  status = 0
  answers = 0
  ended: Promise<void>
  private finish!: () => void

  constructor() {
    this.ended = new Promise((resolve) => (this.finish = resolve))
  }
  send(status: number, headers: Headers): void {
    this.start(status, headers)
    this.finish()
  }
  start(status: number, headers: Headers): void {
    this.answers++
    this.status = status
    for (const [name, value] of headers) {
      // A line that a stranger could begin would show as one that is not ours.
      expect(`${name}: ${value}`).not.toMatch(/[\r\n]|^injected/i)
    }
  }
  write(): boolean {
    return true
  }
  end(): void {
    this.finish()
  }
  cut(): void {
    this.finish()
  }
}

const state = new MemoryState()
const engine = new FakeEngine()
const catalog = new FakeCatalog('echo')
catalog.allowed.add('*')
catalog.urls.push({
  id: 'u'.repeat(32),
  functionName: 'echo',
  qualifier: undefined,
  authType: 'NONE',
  invokeMode: 'BUFFERED',
  cors: {
    allowCredentials: true,
    allowHeaders: ['*'],
    allowMethods: ['*'],
    allowOrigins: ['*'],
    exposeHeaders: [],
    maxAge: 1,
  },
})
const logs = {
  async *read() {
    yield { timeMs: 1, stream: 's', text: 't' }
  },
}
const failures: unknown[] = []
const onFailure = (error: unknown): void => void failures.push(error)
const api = new ControlApi({
  operations: [
    {
      name: 'Get',
      method: 'GET',
      path: '/2015-03-31/functions/{F}',
      handle: ({ labels }) => ({ status: 200, body: labels }),
    },
    { name: 'Tag', method: 'POST', path: '/2017-03-31/tags/{A}', handle: async () => ({ status: 204 }) },
  ],
  catalog,
  engine,
  events: { enqueue: async () => undefined },
  urls: new FunctionUrls({
    catalog,
    engine,
    region: 'us-east-1',
    account: '000000000000',
    accessKeys: undefined,
    onMalformed: () => undefined,
  }),
  surfaces: [
    new PackageLinks(async () => undefined),
    new OwnEndpoints({ engine, logs, checkFunction: () => undefined, doctor: async () => [] }),
    new OpenEndpoints({ metrics: () => '', ready: () => true }),
    new QuerySurface([iamService(state, '1'), stsService('1')], onFailure),
    new LogsSurface({ ...logGroupActions(state, 'r', '1'), ...logEventActions(logs, () => true) }, onFailure),
  ],
  region: 'us-east-1',
  accessKeys: undefined,
  browser: { allowedHosts: [], allowedOrigins: ['https://a.example'] },
  onFailure,
})

const PARTS = [
  '2015-03-31',
  'functions',
  'echo',
  'invocations',
  '2021-11-15',
  'response-streaming-invocations',
  'tags',
  '2017-03-31',
  'sekisho',
  'logs',
  'packages',
  'state',
  'doctor',
  'metrics',
  'lambda-url',
  '2014-11-13',
  'invoke-async',
  '',
  '..',
  '%',
  '%00',
  '%2F',
  '%zz',
  'arn%3Aaws',
  'u'.repeat(32),
  'ż',
  '__proto__',
]
const NAMES = [
  'origin',
  'sec-fetch-site',
  'x-amz-invocation-type',
  'x-amz-client-context',
  'x-amz-log-type',
  'x-amz-target',
  'x-amz-tenant-id',
  'x-amzn-trace-id',
  'content-type',
  'access-control-request-method',
  'access-control-request-headers',
  'authorization',
  'cookie',
]
const VALUES = [
  'Event',
  'DryRun',
  'Tail',
  'https://a.example',
  'none',
  'e30=',
  '%%',
  'Logs_20140328.FilterLogEvents',
  'Logs_20140328.CreateLogGroup',
  'application/x-www-form-urlencoded',
  'Root=1;x',
  'GET',
  '\xff\xfe',
  '__proto__',
  '',
  'AWS4-HMAC-SHA256 Credential=a/b',
]
const BODIES = [
  '',
  '{}',
  '[1',
  '"x"',
  'null',
  'Action=CreateRole&RoleName=r&AssumeRolePolicyDocument={}',
  'Action=GetRole',
  'Action=__proto__',
  'Action=TagRole&RoleName=r&Tags.member.1.Key=%ff',
  '{"logGroupName":"/aws/lambda/f","limit":-1}',
  '{"logGroupName":{}}',
  '\xff',
  '{"nextToken":"1-1","logGroupName":"/aws/lambda/f"}',
]
const QUERIES = [
  '',
  'Qualifier=live',
  'Qualifier=%zz',
  'Qualifier',
  'since=1',
  'since=x',
  'follow=false',
  'expires=1&signature=a',
  'a=%',
  'X-Amz-Algorithm=x',
]
const ANSWERS = [
  'null',
  '"x"',
  '{"statusCode":200}',
  '{"statusCode":{},"headers":[]}',
  '{"statusCode":204,"headers":{"a":"b\\r\\nInjected: c"}}',
  '{',
  '{"statusCode":200,"cookies":[1]}',
  '{"statusCode":200,"headers":{"X-Ä":"b"}}',
]

it(`answers every request exactly once (seed ${SEED})`, async () => {
  const next = random(SEED)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
  engine.onInvoke = (_, sink) => {
    const functionError = next() < 0.2 ? 'Unhandled' : undefined
    sink.onResult(result({ payload: Buffer.from(pick(ANSWERS)), functionError }))
  }
  const statuses = new Set<number>()
  for (let round = 0; round < ROUNDS; round++) {
    const headers = new Headers()
    for (let left = Math.floor(next() * 4); left > 0; left--) headers.append(pick(NAMES), pick(VALUES))
    if (next() < 0.1) headers.append('X-Amz-Invocation-Type', 'Event')
    const known = pick(['/2015-03-31/functions/echo/invocations', '/lambda-url/echo/a', '/', undefined])
    const path = known ?? '/' + Array.from({ length: Math.floor(next() * 5) }, () => pick(PARTS)).join('/')
    const request = {
      method: pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD']),
      host: pick(['localhost', '127.0.0.1:1', `${'u'.repeat(32)}.lambda-url.x`, 'evil.example', '', '[::1]:9']),
      path,
      query: pick(QUERIES),
      headers,
      body: Buffer.from(pick(BODIES), 'latin1'),
      remoteAddress: '127.0.0.1',
    }
    const reply = new CountingReply()
    api.handle(request, reply)
    await reply.ended
    expect(reply.answers, JSON.stringify(request)).toBe(1)
    statuses.add(reply.status)
  }
  expect(failures).toEqual([])
  expect([...statuses]).toEqual(expect.arrayContaining([200, 202, 204, 400, 403, 404, 502]))
})

import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { Delivery } from '../delivery.ts'
import { redisServer, startRedis } from '../testing/start-redis.ts'
import { queueMapProblem, queueUrl } from './queue-map.ts'
import { Targets } from './targets.ts'

const ARN = 'arn:aws:sqs:us-east-1:000000000000:dead'
const LETTER: Delivery = {
  arn: ARN,
  body: '{"a":"関所"}',
  attributes: {
    RequestID: { type: 'String', value: 'b5a2f1ce-9a4f-4d1c-8d62-000000000001' },
    ErrorCode: { type: 'Number', value: '200' },
    ErrorMessage: { type: 'String', value: 'two\nlines 関' },
  },
}

function open(map: Readonly<Record<string, string>>): Targets {
  const targets = new Targets(map)
  onTestFinished(() => targets.close())
  return targets
}

test('an ARN is looked up exactly, then by the longest beginning', () => {
  const map = {
    'arn:aws:sqs:*': 'redis://a?stream={name}',
    'arn:aws:sqs:us-east-1:000000000000:dead*': 'redis://b?stream=all',
    [ARN]: 'file:///tmp/dead',
  }
  expect(queueUrl(map, ARN)).toBe('file:///tmp/dead')
  expect(queueUrl(map, `${ARN}-2`)).toBe('redis://b?stream=all')
  expect(queueUrl(map, 'arn:aws:sqs:us-east-1:000000000000:a&b')).toBe('redis://a?stream=a%26b')
  expect(queueUrl(map, 'arn:aws:sns:us-east-1:000000000000:x')).toBeUndefined()
  expect(queueUrl({}, 'constructor')).toBeUndefined()
  expect(queueMapProblem(map)).toBeUndefined()
  expect(queueMapProblem({ [ARN]: '/tmp/dead' })).toContain(`${ARN}: "/tmp/dead" is no URL of a queue`)
})

test('a message for an ARN that nobody mapped says what to do', async () => {
  await expect(open({}).send(LETTER)).rejects.toThrow(
    `nothing is known to stand behind ${ARN}: name it in the setting queues, as in "${ARN}": "redis://127.0.0.1:6379?stream=dead"`,
  )
  await expect(open({ [ARN]: 'nats://127.0.0.1' }).send(LETTER)).rejects.toThrow('cannot be sent to nats://')
})

test('a file gets one line a message', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-target-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const targets = open({ 'arn:aws:sqs:*': `file://${folder}/{name}.jsonl` })
  await Promise.all(Array.from({ length: 20 }, () => targets.send(LETTER)))
  const lines = readFileSync(join(folder, 'dead.jsonl'), 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(20)
  expect(JSON.parse(lines[19]!)).toEqual({
    arn: ARN,
    body: LETTER.body,
    attributes: { RequestID: LETTER.attributes['RequestID']!.value, ErrorCode: '200', ErrorMessage: 'two\nlines 関' },
  })
})

test('an HTTP server gets a POST, and must answer 2xx', async () => {
  const got: { headers: IncomingMessage['headers']; body: string }[] = []
  let status = 204
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      got.push({ headers: request.headers, body })
      response.writeHead(status).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void (server.closeAllConnections(), server.close()))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const targets = open({ [ARN]: `${origin}/dead` })
  await targets.send(LETTER)
  expect(got[0]!.body).toBe(LETTER.body)
  expect(got[0]!.headers).toMatchObject({
    'content-type': 'application/json',
    'x-message-target': ARN,
    'x-message-attribute-errorcode': '200',
    'x-message-attribute-errormessage': 'two%0Alines %E9%96%A2',
  })
  status = 500
  await expect(targets.send(LETTER)).rejects.toThrow(`${origin} answered 500`)
})

test.skipIf(redisServer === undefined)('a Redis stream gets an entry (needs redis-server)', async () => {
  const { url, kill } = await startRedis()
  const targets = open({ 'arn:aws:sqs:*': `${url}/0?stream={name}` })
  await targets.send(LETTER)
  const redis = new Redis(url)
  onTestFinished(() => redis.disconnect())
  const [[, fields]] = (await redis.xrange('dead', '-', '+')) as [[string, string[]]]
  expect(fields).toEqual([
    'body',
    LETTER.body,
    'RequestID',
    LETTER.attributes['RequestID']!.value,
    'ErrorCode',
    '200',
    'ErrorMessage',
    'two\nlines 関',
  ])
  redis.on('error', () => undefined)
  await kill()
  await expect(targets.send(LETTER)).rejects.toThrow()
})

import { describe, expect, it } from 'vitest'
import { albAnswer, albEvent } from './alb.ts'
import type { EventRequest } from './event-request.ts'
import { MalformedAnswer } from './http-answer.ts'

const request: EventRequest = {
  method: 'GET',
  path: '/a%20b',
  query: 'q=1&q=%202&flag&&e=',
  headers: [
    ['X-A', '1'],
    ['x-a', '2'],
    ['Content-Type', 'text/plain'],
  ],
  body: Buffer.from('hé'),
  sourceIp: '192.0.2.1',
  protocol: 'HTTP/1.1',
  domainName: 'example.com',
}
const context = { targetGroupArn: 'arn', multiValue: false }

describe('an event of a load balancer', () => {
  it('has the last values', () => {
    expect(albEvent(request, context)).toEqual({
      requestContext: { elb: { targetGroupArn: 'arn' } },
      httpMethod: 'GET',
      path: '/a%20b',
      queryStringParameters: { q: '%202', flag: '', e: '' },
      headers: { 'x-a': '2', 'content-type': 'text/plain' },
      body: 'hé',
      isBase64Encoded: false,
    })
  })

  it('has all values, and then no others', () => {
    const event = albEvent(request, { ...context, multiValue: true })
    expect(event).toMatchObject({
      multiValueQueryStringParameters: { q: ['1', '%202'], flag: [''], e: [''] },
      multiValueHeaders: { 'x-a': ['1', '2'] },
    })
    expect(event).not.toHaveProperty('headers')
    expect(event).not.toHaveProperty('queryStringParameters')
  })

  it.each([
    [[['content-type', 'application/json; charset=utf-8']], false],
    [[['content-type', 'application/octet-stream']], true],
    [[], true],
    [
      [
        ['content-type', 'text/plain'],
        ['content-encoding', 'gzip'],
      ],
      true,
    ],
  ])('with %j is base64: %s', (headers, base64) => {
    expect(albEvent({ ...request, headers: headers as [string, string][] }, context)).toMatchObject({
      isBase64Encoded: base64,
      body: request.body.toString(base64 ? 'base64' : 'utf8'),
    })
  })

  it('has an empty body', () => {
    expect(albEvent({ ...request, headers: [], body: Buffer.alloc(0) }, context)).toMatchObject({
      body: '',
      isBase64Encoded: false,
    })
  })
})

const answer = (value: unknown) => albAnswer(Buffer.from(JSON.stringify(value)))

describe('an answer to a load balancer', () => {
  it.each([
    [{ statusCode: 200, statusDescription: '200 OK', headers: { a: 'b' }, body: 'x' }, 200, 'OK', 'x'],
    [
      { statusCode: 418, statusDescription: "418 I'm a teapot", multiValueHeaders: { a: ['b'] } },
      418,
      "I'm a teapot",
      '',
    ],
    [{ statusCode: 200, body: 'eA==', isBase64Encoded: true, headers: { a: 'b' } }, 200, undefined, 'x'],
  ])('%j', (value, status, reason, body) => {
    const made = answer(value)
    expect(made).toMatchObject({
      status,
      reason,
      headers: [
        ['a', 'b'],
        ['Content-Type', 'application/octet-stream'],
      ],
    })
    expect((made as { body: Buffer }).body.toString()).toBe(body)
  })

  it.each([
    [{}, 'undefined is no status'],
    [{ statusCode: 200, statusDescription: 'a\r\nb' }, 'statusDescription is no text for a status line'],
    [{ statusCode: 200, statusDescription: 5 }, 'statusDescription is no text for a status line'],
    [{ statusCode: 200, body: 5 }, 'body is no text'],
    ['x', 'the answer is no object'],
  ])('is malformed: %j', (value, problem) => {
    expect(answer(value)).toEqual(new MalformedAnswer(problem))
  })
})

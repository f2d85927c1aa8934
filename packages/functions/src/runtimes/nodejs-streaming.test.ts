import { describe, expect, it } from 'vitest'
import type { FakeOutcome } from './testing/fake-runtime-api.ts'
import { bodyOf, js, start, useNodeFunctions } from './testing/node-functions.ts'

useNodeFunctions()

describe('streaming', () => {
  const streamed = (text: string): Record<string, string> =>
    js(`exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { ${text} })`)

  it('sends pieces as they are written', async () => {
    const runtime = await start(
      streamed('stream.write("a"); stream.write({ b: 1 }); stream.write(Buffer.from("c")); stream.end("d")'),
    )
    for (let i = 0; i < 2; i++) {
      const outcome = (await runtime.invoke({})) as FakeOutcome
      expect(outcome.body.toString()).toBe('a{"b":1}cd')
      expect(outcome.headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'lambda-runtime-function-response-mode': 'streaming',
        'transfer-encoding': 'chunked',
      })
      expect(outcome.trailers).toEqual({})
    }
  })

  it.each([
    ['a body', 'stream.write("body"); stream.end()', 'body'],
    ['no body', 'stream.end()', ''],
  ])('sends a prelude before %s', async (_what, text, body) => {
    const runtime = await start(
      streamed(`stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); ${text}`),
    )
    const outcome = (await runtime.invoke({})) as FakeOutcome
    expect(outcome.headers['content-type']).toBe('application/vnd.awslambda.http-integration-response')
    expect(outcome.body.toString('latin1')).toBe(`{"statusCode":201}\0\0\0\0\0\0\0\0${body}`)
  })

  it('works with pipeline, back-pressure and 20 MB', async () => {
    const text =
      'const { Readable } = require("node:stream"); const { pipeline } = require("node:stream/promises"); function* g() { for (let i = 0; i < 320; i++) yield Buffer.alloc(65536, 120) } await pipeline(Readable.from(g()), stream)'
    const runtime = await start(streamed(text))
    expect(((await runtime.invoke({})) as FakeOutcome).body).toHaveLength(320 * 65_536)
  })

  it('waits for an end that comes after the promise', async () => {
    const runtime = await start(streamed('setTimeout(() => stream.end("late"), 10)'))
    expect(((await runtime.invoke({})) as FakeOutcome).body.toString()).toBe('late')
    expect(((await runtime.invoke({})) as FakeOutcome).body.toString()).toBe('late')
  })

  it('says in trailers that it failed on the way', async () => {
    const runtime = await start(streamed('stream.write("part"); throw new TypeError("no")'))
    for (let i = 0; i < 2; i++) {
      const outcome = (await runtime.invoke({})) as FakeOutcome
      expect(outcome.body.toString()).toBe('part')
      expect(outcome.trailers['lambda-runtime-function-error-type']).toBe('TypeError')
      const error = Buffer.from(outcome.trailers['lambda-runtime-function-error-body']!, 'base64').toString()
      expect(JSON.parse(error)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no' })
    }
  })

  it.each([
    ['fails before it wrote', 'throw new TypeError("no")', 'no'],
    ['destroys the stream', 'stream.destroy()', 'Response stream is not finished.'],
  ])('is an error when it %s', async (_what, text, errorMessage) => {
    const runtime = await start(streamed(text))
    for (let i = 0; i < 2; i++) {
      const outcome = await runtime.invoke({})
      expect(outcome.kind).toBe('error')
      expect(bodyOf(outcome)).toMatchObject({ errorMessage })
    }
  })

  it('needs an async handler', async () => {
    const runtime = await start(js('exports.handler = awslambda.streamifyResponse((event, stream) => 1)'))
    expect(bodyOf(await runtime.invoke({}))).toMatchObject({
      errorMessage: 'Streaming does not support non-async handlers.',
    })
  })
})

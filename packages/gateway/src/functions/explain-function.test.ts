import { describe, expect, it } from 'vitest'
import { explainRequest } from '../explain/explain-request.ts'
import { readDocument } from '../explain/testing/read-document.ts'

const document = (functions: object) => ({
  ...functions,
  routes: [
    { id: 'hello', uri: '/hello/*', upstream: 'function://hello:live', timeout: { connect: 1, send: 2, read: 3 } },
  ],
})
const request = { method: 'GET', url: '/hello/a', headers: [] } as never

describe('explain', () => {
  it('names the function, and how it is asked', async () => {
    const { upstream } = await explainRequest(
      request,
      await readDocument(document({ functions: { address: 9190 } }), []),
    )
    expect(upstream).toMatchObject({
      place: 'routes/hello',
      type: 'function',
      picked: '127.0.0.1:9190',
      certain: true,
      retries: 0,
      timeouts: { connect: 1, send: 2, read: 3 },
      function: {
        name: 'hello:live',
        payload: 'http-2.0',
        invocationType: 'RequestResponse',
        path: '/2015-03-31/functions/hello/invocations?Qualifier=live',
      },
      request: undefined,
    })
  })

  it('says when nobody is there to be asked', async () => {
    const { upstream, answer } = await explainRequest(request, await readDocument(document({}), []))
    expect(upstream).toBeUndefined()
    expect(answer).toMatchObject({ status: 503, body: expect.stringContaining('no function engine') })
  })
})

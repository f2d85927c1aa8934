import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { definePlugin } from '../plugins/definition.ts'
import { Type } from '../schema/type.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const ran: string[] = []

/** Says what it was called for. */
const tracer = (name: string, priority: number, more: object = {}) =>
  definePlugin({
    name,
    priority,
    schema: Type.Object({}),
    create: () => ({
      rewrite: async () => void ran.push(name),
      access: () => void ran.push(`${name} access`),
    }),
    ...more,
  })

const asked = definePlugin({
  name: 'asked',
  priority: 1,
  schema: Type.Object({ answer: Type.Boolean() }),
  create: ({ answer }) => ({
    preflight: (session) => {
      ran.push(`asked of ${session.ctx.plan?.route.id}`)
      return answer
    },
    headerFilter: (session) => session.response?.headers.append('x-asked', '1'),
  }),
})

let gateway: TestGateway
beforeAll(async () => {
  const own = [tracer('early', 5_000), tracer('late', 10), asked]
  gateway = await startGateway(
    {
      routes: [
        {
          id: 'post',
          uri: '/items/:id',
          methods: ['POST'],
          upstream_id: 'echo',
          plugins: { early: {}, late: {}, 'key-auth': {}, asked: { answer: true } },
        },
        {
          id: 'put',
          uri: '/items/:id',
          methods: ['PUT'],
          upstream_id: 'echo',
          plugins: { early: {}, asked: { answer: false } },
        },
        {
          id: 'filtered',
          uri: '/filtered',
          methods: ['POST'],
          upstream_id: 'echo',
          plugins: { asked: { answer: true, _meta: { filter: [['arg_on', '==', '1']] } } },
        },
        { id: 'rest', uri: '/*', upstream_id: 'echo' },
      ],
    },
    own as never,
  )
})
afterAll(() => gateway.close())
beforeEach(() => void ran.splice(0))

const ask = (path: string, method: string, headers: Record<string, string> = {}) =>
  gateway.fetch(path, {
    method: 'OPTIONS',
    headers: { origin: 'https://a.example', 'access-control-request-method': method, ...headers },
  })

describe('a preflight', () => {
  test('is answered by the route of the request it asks for, before authentication', async () => {
    const { status, headers, body } = await ask('/items/1', 'POST')
    expect([status, headers['x-asked'], body]).toEqual([200, '1', ''])
    expect(ran).toEqual(['asked of post', 'early'])
  })

  test.each([
    ['/items/1', 'PUT', ['asked of put']],
    ['/items/1', 'DELETE', []],
    ['/elsewhere', 'POST', []],
    ['/filtered', 'POST', []],
  ])('is a request as any other where no plugin answers: %s %s', async (path, method, called) => {
    const answer = await ask(path, method)
    expect([answer.status, answer.headers['x-asked']]).toEqual([200, undefined])
    expect(answer.json()).toMatchObject({ method: 'OPTIONS', url: path })
    expect(ran).toEqual(called)
  })

  test('counts where a filter of the plugin lets it', async () => {
    expect((await ask('/filtered?on=1', 'POST')).body).toBe('')
  })

  test.each([{ 'access-control-request-method': 'POST' }, { origin: 'https://a.example' }, {}])(
    'is not %j',
    async (headers) => {
      const answer = await gateway.fetch('/items/1', { method: 'OPTIONS', headers })
      expect(answer.json()).toMatchObject({ method: 'OPTIONS' })
      expect(ran).toEqual([])
    },
  )
})

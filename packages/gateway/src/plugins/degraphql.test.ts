import { buildSchema, graphql } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { degraphql: config, 'proxy-rewrite': { uri: '/graphql' }, ...more },
})
const HERO = 'query hero($id: ID!, $n: Int = 1) { hero(id: $id, n: $n) }'

describe('degraphql', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/hero', { query: HERO, variables: ['id', 'n'], operation_name: 'hero' }),
        route('/all', { query: '{ all }' }),
        route('/kill', {
          query: 'mutation kill($id: ID!) { kill(id: $id) }',
          variables: ['id'],
          max_req_body_size: 100,
        }),
      ],
    })
  })
  afterAll(() => gateway.close())

  interface Seen {
    readonly method: string
    readonly url: string
    readonly headers: Record<string, string>
    readonly body: string
  }
  const seen = async (path: string, options: object = {}): Promise<Seen> => {
    const answer = await gateway.fetch(path, options)
    expect(answer.status).toBe(200)
    return answer.json() as Seen
  }

  /** What a server of GraphQL makes of it. */
  async function answered({ method, url, body }: Seen): Promise<unknown> {
    const schema = buildSchema(
      'type Query { hero(id: ID!, n: Int): String  all: String } type Mutation { kill(id: ID!): String }',
    )
    const args = new URL(url, 'http://x').searchParams
    const fromUrl = {
      query: args.get('query')!,
      operationName: args.get('operationName'),
      variables: JSON.parse(args.get('variables') ?? '{}') as object,
    }
    const sent = method === 'GET' ? fromUrl : (JSON.parse(body) as typeof fromUrl)
    const tell = (given: object): string => JSON.stringify(given)
    const result = await graphql({
      schema,
      source: sent.query,
      operationName: sent.operationName ?? null,
      variableValues: (sent.variables ?? {}) as Record<string, unknown>,
      rootValue: { hero: tell, all: () => 'all', kill: tell },
    })
    return result.errors?.[0]?.message ?? { ...result.data }
  }

  it('is understood by a server of GraphQL, by POST and GET', async () => {
    const post = await seen('/hero?id=no', { method: 'POST', body: '{"id":"a\\"}","n":3,"query":"{ all }"}' })
    expect([post.method, post.url, post.headers['content-type']]).toEqual(['POST', '/graphql', 'application/json'])
    expect(await answered(post)).toEqual({ hero: '{"id":"a\\"}","n":3}' })
    const get = await seen('/hero?id=a%22%7D%26query=x&query=%7Ball%7D')
    expect(get.url.startsWith('/graphql?query=query%20hero')).toBe(true)
    expect(await answered(get)).toEqual({ hero: '{"id":"a\\"}&query=x","n":1}' })
    expect(await answered(await seen('/hero'))).toContain('$id')
    expect(await answered(await seen('/all?x=1'))).toEqual({ all: 'all' })
    expect(await answered(await seen('/all', { method: 'POST' }))).toEqual({ all: 'all' })
    expect(await answered(await seen('/kill', { method: 'POST', body: '{"id":1}' }))).toEqual({ kill: '{"id":"1"}' })
  })

  it.each([
    ['/hero', 'PUT', '{}', 405],
    ['/hero', 'POST', 'x', 400],
    ['/hero', 'POST', '[]', 400],
    ['/kill', 'GET', undefined, 405],
    ['/kill', 'POST', `{"id":"${'1'.repeat(200)}"}`, 413],
    ['/hero', 'POST', '{"__proto__":{"id":1}}', 200],
  ])('%s by %s with %s is answered %i', async (path, method, body, status) => {
    const answer = await gateway.fetch(path, { method, ...(body === undefined ? {} : { body }) })
    expect(answer.status).toBe(status)
    if (status === 405) expect(answer.headers['allow']).toBe(path === '/kill' ? 'POST' : 'GET, POST')
  })

  it.each([
    [{ query: '{ a ' }, '/query'],
    [{ query: '{ a ' }, 'line 1, column 5'],
    [{ query: 'fragment a on B { c }' }, 'has no operation'],
    [{ query: 'query a { x } query b { x }' }, '/operation_name'],
    [{ query: 'query a { x }', operation_name: 'c' }, 'is no operation of the query: a'],
    [{ query: 'subscription { a }' }, 'subscription'],
    [{ query: '{ a }', variables: [] }, 'variables'],
    [{}, 'query'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})

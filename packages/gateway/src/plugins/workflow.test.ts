import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, rules: unknown, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { workflow: { rules }, ...more },
})
const count = (limit: number, more: object = {}) => ['limit-count', { count: limit, time_window: 60, ...more }]

describe('workflow', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/return', [
          { case: [['arg_a', '==', '1']], actions: [['return', { code: 403 }]] },
          { case: ['OR', ['arg_b', '==', '1'], ['arg_b', '==', '2']], actions: [['return', { code: 404 }]] },
        ]),
        route(
          '/count',
          [
            { case: [['arg_a', '==', '1']], actions: [count(1)] },
            { case: [['arg_a', '==', '2']], actions: [count(2)] },
            { actions: [count(3, { rejected_code: 429, show_limit_quota_header: false })] },
          ],
          // The same plugin on the route itself counts for itself.
          { 'limit-count': { count: 100, time_window: 60, show_limit_quota_header: false } },
        ),
        route('/conn', [
          { actions: [['limit-conn', { conn: 1, burst: 0, default_conn_delay: 0.1, key: 'remote_addr' }]] },
        ]),
        route('/req', [
          { actions: [['limit-req', { rate: 0.001, burst: 0, key: 'remote_addr', rejected_code: 429 }]] },
        ]),
      ],
    })
  })
  afterAll(() => gateway.close())

  const statuses = async (path: string, times: number): Promise<number[]> => {
    const seen: number[] = []
    for (let done = 0; done < times; done++) seen.push((await gateway.fetch(path)).status)
    return seen
  }

  it('refuses by rules, the first that is for a request', async () => {
    expect(await statuses('/return', 1)).toEqual([200])
    expect(await statuses('/return?a=1&b=1', 1)).toEqual([403])
    expect(await statuses('/return?b=2', 1)).toEqual([404])
    expect((await gateway.fetch('/return?a=1')).json()).toEqual({ error_msg: 'rejected by workflow' })
  })

  it('counts for each rule by itself, and tells where a client stands', async () => {
    const first = await gateway.fetch('/count?a=1')
    expect([first.status, first.headers['x-ratelimit-limit'], first.headers['x-ratelimit-remaining']]).toEqual([
      200,
      '1',
      '0',
    ])
    expect(await statuses('/count?a=1', 1)).toEqual([503])
    expect(await statuses('/count?a=2', 3)).toEqual([200, 200, 503])
    const plain = await gateway.fetch('/count')
    expect(plain.headers).not.toHaveProperty('x-ratelimit-limit')
    expect(await statuses('/count', 3)).toEqual([200, 200, 429])
  })

  it('gives back what a limit of connections took', async () => {
    expect(await statuses('/conn', 3)).toEqual([200, 200, 200])
    expect(await statuses('/req', 2)).toEqual([200, 429])
  })

  it.each([
    [[{ actions: [] }], '/rules/0/actions'],
    [
      [
        {
          actions: [
            ['return', { code: 403 }],
            ['return', { code: 404 }],
          ],
        },
      ],
      'several actions',
    ],
    [[{ actions: [['fault-injection', {}]] }], 'is no action'],
    [[{ actions: [['return']] }], 'must be the options'],
    [[{ actions: [['return', { code: 99 }]] }], '/rules/0/actions/0/1/code'],
    [[{ actions: [['return', { code: 403, body: 'x' }]] }], '/rules/0/actions/0/1/body'],
    [[{ actions: [['limit-count', { count: 0, time_window: 1 }]] }], '/rules/0/actions/0/1/count'],
    [[{ actions: [['limit-count', { count: 1 }]] }], 'time_window'],
    [[{ case: [['a', '=~', '1']], actions: [['return', { code: 403 }]] }], '/rules/0/case'],
    [undefined, 'rules'],
  ])('refuses %j', async (rules, message) => {
    await expect(gateway.update({ routes: [route('/x', rules)] })).rejects.toThrow(message)
  })
})

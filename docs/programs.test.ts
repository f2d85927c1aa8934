import { fetchFrom } from '../packages/gateway/src/testing/start-gateway.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CodeBlock, guides, placeOf } from './testing/markdown.ts'
import {
  deadPort,
  isProgram,
  runProgram,
  type RunningProgram,
  startUpstream,
  type Upstream,
} from './testing/programs.ts'

const programs = guides().flatMap((page) => page.blocks.filter(isProgram))

let upstream: Upstream
let dead = 0
beforeAll(async () => {
  upstream = await startUpstream((request, response) => {
    response.setHeader('content-type', request.url === '/page' ? 'text/html; charset=utf-8' : 'application/json')
    response.end(request.url === '/page' ? '<p>page</p>\n' : JSON.stringify(request.headers))
  })
  dead = await deadPort()
})
afterAll(() => upstream.close())

const address = (port: number): string => `127.0.0.1:${port}`
/** The one upstream that most of the programs name. */
const one = () => ({ '127.0.0.1:8081': address(upstream.port) })

interface Scenario {
  /** Tells the program from the others. */
  readonly says: string
  readonly changes: () => Readonly<Record<string, string>>
  readonly check: (program: RunningProgram) => Promise<void>
}

/** What the documentation promises of each of its programs. */
const scenarios: readonly Scenario[] = [
  {
    says: 'one.one.one.one',
    // The internet may not be there: two local nodes without TLS take the place of the two of Cloudflare's.
    changes: () => ({
      "'1.1.1.1:443', '1.0.0.1:443'": `'${address(upstream.port)}'`,
      "{ tls: true, sni: 'one.one.one.one' }": '{}',
    }),
    check: async ({ port }) => {
      const answer = await fetchFrom(port, '/', { host: 'asked.example' })
      expect(answer.json()).toMatchObject({ host: 'one.one.one.one' })
    },
  },
  {
    says: 'new StreamProxy(',
    changes: () => ({ '127.0.0.1:5432': address(dead), '127.0.0.1:5433': address(upstream.port) }),
    // A node that is down is passed over; what goes through may be HTTP as well.
    check: async ({ port }) => expect((await fetchFrom(port, '/')).status).toBe(200),
  },
  {
    says: 'secret-of-alice',
    changes: one,
    check: async (program) => {
      expect((await fetchFrom(program.port, '/')).status).toBe(401)
      const answer = await fetchFrom(program.port, '/a', { headers: { 'X-Api-Key': 'secret-of-alice' } })
      expect(answer.headers['x-gate']).toBe('passed')
      expect(answer.json()).toMatchObject({ 'x-user': 'alice' })
      expect(answer.json()).not.toHaveProperty('x-api-key')
      await expect.poll(program.output).toContain('alice GET /a 200')
      expect(program.output()).toContain('- GET / 401')
    },
  },
  {
    says: 'PAUSE_MS',
    changes: () => ({ '127.0.0.1:8081': address(dead), '127.0.0.1:8082': address(upstream.port) }),
    check: async ({ port }) => {
      for (let request = 0; request < 4; request++) expect((await fetchFrom(port, '/')).status).toBe(200)
    },
  },
  {
    says: 'mainFirst',
    changes: () => ({ '127.0.0.1:8081': address(dead), '127.0.0.1:8082': address(upstream.port) }),
    check: async ({ port }) => expect((await fetchFrom(port, '/')).status).toBe(200),
  },
  {
    says: 'new HealthChecks(',
    changes: () => ({
      '127.0.0.1:8081': address(dead),
      '127.0.0.1:8082': address(upstream.port),
      'intervalMs: 2_000': 'intervalMs: 20',
    }),
    check: async (program) => {
      await expect.poll(program.output).toMatch(`${address(dead)} is unhealthy: connect ECONNREFUSED`)
      expect((await fetchFrom(program.port, '/')).status).toBe(200)
      expect(program.output()).not.toMatch(`${address(upstream.port)} is unhealthy`)
    },
  },
  {
    says: 'FOOTER',
    changes: one,
    check: async ({ port }) => {
      expect((await fetchFrom(port, '/page')).body).toBe('<p>page</p>\n<!-- served by sekisho -->\n')
      expect((await fetchFrom(port, '/')).body).toMatch(/\}$/)
    },
  },
  {
    says: 'new HttpCache(',
    changes: one,
    check: async ({ port }) => {
      const ids = Array.from({ length: 8 }, (_, at) => String(at))
      const seen = new Set<unknown>()
      for (const id of ids) {
        const answer = await fetchFrom(port, '/', { headers: { 'x-id': id }, host: 'a' })
        seen.add((answer.json() as Record<string, unknown>)['x-id'])
      }
      // Each worker asks once.
      expect(seen.size).toBeLessThan(ids.length)
    },
  },
  {
    says: 'FixedWindow',
    changes: one,
    check: async ({ port }) => {
      const answers = await Promise.all(Array.from({ length: 130 }, () => fetchFrom(port, '/')))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(100)
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(30)
    },
  },
]

const scenarioOf = (block: CodeBlock): Scenario | undefined => scenarios.find(({ says }) => block.text.includes(says))

test.each(programs.map((block) => [placeOf(block), block] as const))(
  '%s does what its page says',
  async (_place, block) => {
    const scenario = scenarioOf(block)
    if (scenario === undefined) throw new Error('programs.test.ts does not know this program')
    const program = await runProgram(block, scenario.changes())
    try {
      await scenario.check(program)
    } finally {
      await program.stop()
    }
  },
)

test('every scenario has its program', () => {
  expect(scenarios.filter((scenario) => !programs.some((block) => scenarioOf(block) === scenario))).toEqual([])
})

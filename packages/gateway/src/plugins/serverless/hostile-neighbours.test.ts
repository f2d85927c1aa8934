import { afterEach, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'

const TIMEOUT_MS = 50
const BAD: Readonly<Record<string, string>> = {
  loop: '() => { for (;;); }',
  regex: "() => /^(a+)+$/.test('a'.repeat(40) + 'b')",
  native: '() => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)',
  memory: '() => { const all = []; for (;;) all.push({}) }',
  pollution: "() => { Object.prototype.respond = Array.prototype.map = globalThis.JSON = () => 'mine' }",
  recursion: '() => { const f = () => f(); f() }',
  promises: '() => { const f = () => Promise.resolve().then(f); f() }',
  files: "async () => { (await import('node:fs')).readFileSync('/etc/passwd') }",
  network: "() => fetch('http://127.0.0.1:1/')",
  environment: '() => process.exit(1)',
  fields: "(s) => { for (let i = 0; i < 1e7; i++) s.request.headers.set('h' + i, 'v'.repeat(1000)) }",
}

let gateway: TestGateway
afterEach(async () => {
  vi.restoreAllMocks()
  await gateway.close()
})

it(
  'functions that do their worst are stopped, and the requests beside them are served',
  { timeout: 120_000 },
  async () => {
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
    const good = "(s) => { s.request.headers.set('X-Good', Object.keys({}).length + [1, 2].map(String).join('')) }"
    const plugin = (text: string): object => ({
      'serverless-pre-function': { functions: [text], timeout: text === good ? 5_000 : TIMEOUT_MS },
    })
    gateway = await startGateway({
      routes: [
        ...Object.entries(BAD).map(([name, text]) => ({
          uri: `/bad/${name}`,
          upstream_id: 'echo',
          plugins: plugin(text),
        })),
        { uri: '/good', upstream_id: 'echo', plugins: plugin(good) },
        { uri: '/plain', upstream_id: 'echo' },
      ],
    })
    const names = Object.keys(BAD)
    await gateway.fetch('/good')
    const quietMs = await latencies(gateway, 40)

    const startedAt = performance.now()
    let done = false
    const statuses = new Map<number, number>()
    const attack = async (first: number): Promise<void> => {
      for (let at = first; !done; at++) {
        const { status } = await gateway.fetch(`/bad/${names[at % names.length]}`)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const attacks = [0, 2, 4, 6].map(attack)
    const besideMs = await latencies(gateway, 60)
    const tookMs = performance.now() - startedAt
    done = true
    await Promise.all(attacks)

    expect([...statuses.keys()]).toEqual([500])
    // Each of them may take the worker three times, then after 1, 2, 4, … seconds.
    const stopped = (await count('timeout')) + (await count('memory')) + (await count('sandbox'))
    const rounds = Math.log2((performance.now() - startedAt) / (TIMEOUT_MS * 20) + 1)
    expect(stopped).toBeLessThanOrEqual(names.length * (3 + rounds + 2))
    expect(await count('resting')).toBeGreaterThan(0)
    expect(gateway.echo.requests.every(({ url }) => !url.startsWith('/bad'))).toBe(true)
    expect(
      gateway.echo.requests.filter(({ url }) => url === '/good').every(({ headers }) => headers['x-good'] === '012'),
    ).toBe(true)
    console.log(
      `beside ${[...statuses.values()].reduce((a, b) => a + b, 0)} hostile requests in ${Math.round(tookMs)} ms (${stopped} stopped): ${told(besideMs)}; alone: ${told(quietMs)}`,
    )
  },
)

async function count(reason: string): Promise<number> {
  await Promise.resolve()
  const found = new RegExp(`sekisho_script_failures_total\\{.*reason="${reason}"\\} (\\d+)`).exec(
    gateway.metrics.render(),
  )
  return Number(found?.[1] ?? 0)
}

/** One after the other, to a route with a function and one without; milliseconds, in order. */
async function latencies(to: TestGateway, requests: number): Promise<number[]> {
  const took: number[] = []
  for (let at = 0; at < requests; at++) {
    const startedAt = performance.now()
    const { status } = await to.fetch(at % 2 === 0 ? '/good' : '/plain')
    expect(status).toBe(200)
    took.push(performance.now() - startedAt)
  }
  return took.sort((a, b) => a - b)
}

const told = (ms: readonly number[]): string =>
  [0.5, 0.9, 0.99, 1]
    .map(
      (part) =>
        `${part === 1 ? 'max' : `p${part * 100}`} ${(ms[Math.min(ms.length - 1, Math.floor(ms.length * part))] as number).toFixed(1)}`,
    )
    .join(', ')

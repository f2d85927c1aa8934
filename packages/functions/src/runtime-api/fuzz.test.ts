import { describe, expect, it } from 'vitest'
import { settle } from '../../../wire/src/testing/memory-socket.ts'
import { mutate, randomSplits } from '../../../wire/src/testing/mutate.ts'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../wire/src/testing/seeded-random.ts'
import { Caller, chunked, errorPath, eventOf, idOf, NEXT, responsePath, RuntimeSide } from './testing/runtime-side.ts'

const TRAILERS = 'Lambda-Runtime-Function-Error-Type: Runtime.Abc\r\nLambda-Runtime-Function-Error-Body: e30=\r\n'
const STREAMED = { 'Transfer-Encoding': 'chunked', 'Lambda-Runtime-Function-Response-Mode': 'streaming' }
const CHUNKED = { 'Transfer-Encoding': 'chunked' }
const BASE = '/2020-01-01/extension'

/** What must have happened at least once. */
const KINDS = [
  'next',
  'response ',
  'start ',
  'chunk piece',
  'end ',
  'end  Runtime.Abc',
  'end  Runtime.TruncatedResponse',
  'end  Function.ResponseSizeTooLarge',
  'error  Runtime.Unknown',
  'registered one INVOKE,SHUTDOWN',
]

/** An engine that gives events in the ways that engines may, and a sandbox that does anything. */
class Chaos {
  readonly side: RuntimeSide
  private readonly random: SeededRandom
  private readonly callers: Caller[] = []
  private readonly all: Caller[] = []
  private delivered = 0
  /** Outcomes by request id. */
  private readonly outcomes = new Map<string, number>()
  private readonly seen: string[] = []
  private readonly started = new Set<string>()

  private readonly limit: number
  /** How often each thing was told, over all runs: a fuzz test that gets nowhere finds nothing. */
  private readonly tally: Map<string, number>

  constructor(random: SeededRandom, limit: number, tally: Map<string, number>) {
    this.random = random
    this.limit = limit
    this.tally = tally
    this.side = new RuntimeSide({ maxConcurrency: limit, maxStreamedBytes: 3_000 })
    this.side.listener.onNext = () => {
      if (random.chance(0.5)) this.deliver()
    }
  }

  deliver(): void {
    if (this.delivered - this.outcomes.size >= this.limit) return
    this.side.api.deliver(eventOf(++this.delivered, { payload: Buffer.alloc(this.random.below(3) * 20_000, 'p') }))
  }

  async step(): Promise<void> {
    const { random, side } = this
    side.listener.room = random.chance(0.6)
    switch (random.below(12)) {
      case 0:
      case 1:
        this.deliver()
        break
      case 2:
        side.api.resumeResponse(random.chance(0.5) ? undefined : idOf(this.delivered))
        break
      case 3:
        if (this.callers.length > 0) this.callers.splice(random.below(this.callers.length), 1)[0]!.socket.destroy()
        break
      case 4:
        side.api.sendShutdown('SPINDOWN', 1)
        break
      case 5:
        await settle()
        break
      default:
        this.call()
    }
    this.check()
  }

  private call(): void {
    const { random } = this
    if (this.callers.length === 0 || (this.callers.length < 6 && random.chance(0.2))) this.connect()
    const caller = random.pick(this.callers)
    const id = Math.max(1, this.delivered - (random.chance(0.2) ? 1 : 0))
    const body = 'b'.repeat(random.pick([0, 10, 1_000, 20_000]))
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        return caller.send('GET', NEXT)
      case 3:
      case 4:
        return caller.send('POST', responsePath(id), {}, body)
      case 5:
        return caller.send('POST', responsePath(id), CHUNKED, chunked([body, body]))
      case 6:
        return caller.send(
          'POST',
          responsePath(id),
          STREAMED,
          chunked([body, 'piece'], random.chance(0.5) ? TRAILERS : ''),
        )
      case 7:
        return caller.send('POST', responsePath(id), STREAMED, random.chance(0.5) ? `5\r\npiece\r\n` : 'bad\r\n')
      case 8:
        return caller.socket.receive(random.pick(['0\r\n\r\n', '3\r\nabc\r\n', 'x']))
      case 9:
        return caller.send('POST', errorPath(id), {}, body)
      case 10:
        return caller.send(
          'POST',
          random.pick(['/2018-06-01/runtime/init/error', `${BASE}/register`, `${BASE}/exit/error`]),
          {
            'Lambda-Extension-Name': 'one',
          },
          '{"events":["INVOKE","SHUTDOWN"]}',
        )
      default:
        return caller.send(
          'GET',
          random.pick(['/ping', `${BASE}/event/next`, '/2018-06-01/runtime/restore/next', '/x']),
        )
    }
  }

  private connect(): void {
    const caller = this.side.connect()
    this.callers.push(caller)
    this.all.push(caller)
  }

  check(): void {
    for (const line of this.side.listener.take()) {
      this.seen.push(line.slice(0, 100))
      const kind = /^\D+/.exec(line)![0] + (/ (Runtime|Function)\.\w+/.exec(line)?.[0] ?? '')
      this.tally.set(kind, (this.tally.get(kind) ?? 0) + 1)
      const [, what, id] = /^(response|error|too large|end|start) ([0-9a-f-]{36})/.exec(line) ?? []
      if (what === 'start') this.started.add(id!)
      else if (id !== undefined) this.outcomes.set(id, (this.outcomes.get(id) ?? 0) + 1)
      if (what === 'end') expect(this.started.has(id!), this.seen.join('\n')).toBe(true)
      if (id !== undefined) expect(this.outcomes.get(id) ?? 0, this.seen.join('\n')).toBeLessThanOrEqual(1)
    }
  }

  /** Every answer that left is a whole one, or the last and cut. */
  async end(): Promise<void> {
    await settle()
    this.check()
    const ids: string[] = []
    for (const { socket } of this.all) {
      for (const [, status] of socket.sent.matchAll(/HTTP\/1\.1 (\d{3}) /g))
        expect([100, 200, 202, 400, 403, 404, 413]).toContain(Number(status))
      for (const [, id] of socket.sent.matchAll(/Lambda-Runtime-Aws-Request-Id: (\S+)/g)) ids.push(id!)
    }
    // With one place, a runtime that asks again gets the same event again.
    if (this.limit > 1) expect(ids).toHaveLength(new Set(ids).size)
    this.side.api.close()
    await settle()
    expect(this.side.listener.take()).toEqual([])
  }
}

describe('a sandbox that calls anything at any time', () => {
  const seed = fuzzSeed(20_261_121)
  it.each([1, 3])(
    `never gets two events for one place, nor answers one twice (%s at a time, seed ${seed})`,
    async (limit) => {
      const random = new SeededRandom(seed + limit)
      const tally = new Map<string, number>()
      for (let run = fuzzRuns(100); run > 0; run--) {
        const chaos = new Chaos(random, limit, tally)
        for (let steps = 60; steps > 0; steps--) await chaos.step()
        await chaos.end()
      }
      for (const kind of KINDS) expect(tally.has(kind), `${kind} was never told`).toBe(true)
    },
  )

  it(`sends bytes of any kind, in reads of any size (seed ${seed})`, async () => {
    const random = new SeededRandom(seed)
    const post = (path: string, fields: string, body: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`
    const valid = [
      `GET ${NEXT} HTTP/1.1\r\nHost: a\r\n\r\n`,
      post(responsePath(1), 'Content-Length: 2\r\nContent-Type: text/plain\r\n', '{}'),
      post(
        responsePath(1),
        'Transfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n',
        chunked(['a', 'b'], TRAILERS),
      ),
      post(errorPath(1), 'Content-Length: 2\r\nLambda-Runtime-Function-Error-Type: Runtime.A\r\n', '{}'),
      post('/2018-06-01/runtime/init/error', 'Content-Length: 2\r\n', '{}'),
      post(`${BASE}/register`, 'Lambda-Extension-Name: one\r\nContent-Length: 21\r\n', '{"events":["INVOKE"]}'),
      `PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`,
      `GET /ping HTTP/1.1\r\nHost: a\r\n\r\n`,
    ]
    for (let run = fuzzRuns(1_000); run > 0; run--) {
      const side = new RuntimeSide()
      if (random.chance(0.8)) side.api.deliver(eventOf(1))
      const caller = side.connect()
      let text = random.chance(0.7) ? valid[0]! : ''
      for (let count = 1 + random.below(4); count > 0; count--) {
        const one = random.pick(valid)
        text += random.chance(0.5) ? one : mutate(random, one, valid)
      }
      let from = 0
      for (const to of randomSplits(random, text.length)) {
        caller.socket.receive(text.slice(from, to))
        from = to
      }
      if (random.chance(0.3)) caller.socket.receiveEnd()
      await settle()
      caller.socket.destroy()
      await settle()
      const outcomes = side.listener.take().filter((line) => /^(response|error|too large|end) /.test(line))
      expect(outcomes.length, text).toBeLessThanOrEqual(1)
      side.api.close()
    }
  })
})

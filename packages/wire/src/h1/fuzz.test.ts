import { describe, expect, it } from 'vitest'
import { openClientSide, type ClientSide, type RecordedResponse } from '../testing/client-side.ts'
import { fieldPairs, interpret, serialise, type Interpretation } from '../testing/interpret.ts'
import { settle } from '../testing/memory-socket.ts'
import { mutate, mutatedSequence, randomSplits, VALID_REQUESTS, VALID_RESPONSES } from '../testing/mutate.ts'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../testing/seeded-random.ts'
import { openServerSide, readBody } from '../testing/server-side.ts'

const kind = (end: string): string => (end === 'ok' || end === 'incomplete' ? end : 'refused')

describe('requests, mutated and split at random', () => {
  const random = new SeededRandom(fuzzSeed(20_260_602))
  const runs = fuzzRuns(4_000)
  const meaning = ({ requests, end }: Interpretation): unknown => ({ requests, end: kind(end) })

  it('mean the same in whatever reads they come', () => {
    for (let run = 0; run < runs; run++) {
      const bytes = mutatedSequence(random, VALID_REQUESTS, 4)
      const whole = meaning(interpret(bytes))
      const splits = randomSplits(random, bytes.length)
      expect({ bytes, splits, meaning: meaning(interpret(bytes, splits)) }).toEqual({ bytes, splits, meaning: whole })
    }
  })

  it('mean the same when what was accepted is written anew, alone and together', () => {
    let accepted = 0
    for (let run = 0; run < runs; run++) {
      const bytes = mutatedSequence(random, VALID_REQUESTS, 4)
      const { requests } = interpret(bytes)
      accepted += requests.length
      for (const request of requests) {
        const anew = serialise(request)
        expect({ bytes, anew, ...interpret(anew) }).toEqual({ bytes, anew, requests: [request], end: 'ok' })
      }
      const together = requests.map(serialise).join('')
      expect({ bytes, requests: interpret(together).requests }).toEqual({ bytes, requests })
    }
    // Or the mutations would be so wild that nothing is tested.
    expect(accepted).toBeGreaterThan(runs / 2)
  })

  it('have the same limits of size in whatever reads they come', () => {
    const limits = { maxHeadBytes: 80, maxTargetLength: 20, maxHeaderCount: 3, maxBodyBytes: 9 }
    const seen = new Set<string>()
    for (let run = 0; run < runs / 4; run++) {
      const bytes = mutatedSequence(random, VALID_REQUESTS, 3)
      const whole = interpret(bytes, [], limits)
      seen.add(whole.end)
      const splits = randomSplits(random, bytes.length)
      const meant = meaning(interpret(bytes, splits, limits))
      expect({ bytes, splits, meant }).toEqual({ bytes, splits, meant: meaning(whole) })
    }
    expect([...seen]).toEqual(
      expect.arrayContaining(['HEAD_TOO_LARGE', 'TARGET_TOO_LONG', 'TOO_MANY_HEADERS', 'BODY_TOO_LARGE']),
    )
  })

  it('keep to their own connection, however the reads of many take turns', () => {
    for (let run = 0; run < runs / 40; run++) {
      const letters = [...'abcdefgh']
      const sides = letters.map((letter) => {
        const side = openServerSide((request) => {
          request.bodyGone = random.chance(0.5)
          readBody(request)
        })
        const length = random.pick([10, 1_000, 30_000, 200_000])
        const body = letter.repeat(length)
        const chunked = random.chance(0.5)
        const bytes = chunked
          ? `POST / HTTP/1.1\r\nHost: ${letter}\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
          : `POST / HTTP/1.1\r\nHost: ${letter}\r\nContent-Length: ${length}\r\n\r\n${body}`
        return { side, letter, length, bytes, at: 0 }
      })
      while (sides.some((each) => each.at < each.bytes.length)) {
        const each = random.pick(sides)
        const size = 1 + random.below(80_000)
        if (each.at < each.bytes.length) each.side.socket.receive(each.bytes.slice(each.at, each.at + size))
        each.at += size
      }
      for (const { side, letter, length } of sides) {
        const kept = Buffer.concat(side.requests[0].bodyGone ? [] : side.requests[0].memory)
        expect(side.requests[0].body === letter.repeat(length)).toBe(true)
        expect(side.requests[0].bodyGone || kept.equals(Buffer.alloc(length, letter))).toBe(true)
        side.connection.destroy()
      }
    }
  })
})

describe('responses, mutated and split at random', () => {
  const random = new SeededRandom(fuzzSeed(20_260_603))
  const runs = fuzzRuns(4_000)

  interface Outcome {
    readonly side: ClientSide
    readonly exchange: RecordedResponse
    readonly meaning: unknown
  }

  async function receive(bytes: string, splits: readonly number[]): Promise<Outcome> {
    const side = openClientSide()
    const exchange = side.ask()
    let start = 0
    for (const end of [...splits, bytes.length]) {
      if (end > start && !side.connection.idle && !side.connection.closed) side.socket.receive(bytes.slice(start, end))
      start = Math.max(start, end)
    }
    if (!exchange.complete && exchange.error === undefined) {
      side.socket.receiveEnd()
      await settle()
    }
    const { head, body, trailers, informational, error } = exchange
    // A bad response may be found out before or after its beginning was passed on: the client gets 502 or a cut body.
    const meaning =
      head === undefined || error !== undefined
        ? 'failed'
        : { status: head.status, reason: head.reason, fields: head.headers.block, body, trailers, informational }
    return { side, exchange, meaning }
  }

  it('mean the same in whatever reads they come, and end once', async () => {
    let complete = 0
    for (let run = 0; run < runs / 2; run++) {
      const bytes = random.chance(0.2)
        ? mutatedSequence(random, VALID_RESPONSES, 3)
        : mutate(random, random.pick(VALID_RESPONSES), VALID_RESPONSES)
      const splits = randomSplits(random, bytes.length)
      const whole = await receive(bytes, [])
      const split = await receive(bytes, splits)
      expect({ bytes, splits, meaning: split.meaning }).toEqual({ bytes, splits, meaning: whole.meaning })
      expect([whole.exchange.ends, split.exchange.ends]).toEqual([1, 1])
      if (whole.meaning !== 'failed') complete++
    }
    expect(complete).toBeGreaterThan(runs / 20)
  })

  it('leave a connection only idle when nothing of them is left for the next request', async () => {
    let idle = 0
    for (let run = 0; run < runs / 2; run++) {
      const bytes = mutatedSequence(random, VALID_RESPONSES, 2)
      const { side, exchange } = await receive(bytes, [])
      if (!side.connection.idle) continue
      idle++
      const { head } = exchange
      if (head === undefined) throw new Error('idle without a response')
      const next = side.ask()
      side.socket.receive('HTTP/1.1 203 Own\r\nContent-Length: 3\r\n\r\nown')
      expect({ bytes, status: next.head?.status, body: next.body }).toEqual({ bytes, status: 203, body: 'own' })
    }
    expect(idle).toBeGreaterThan(runs / 20)
  })

  it('mean the same when they are written anew', async () => {
    for (let run = 0; run < runs / 2; run++) {
      const bytes = mutate(random, random.pick(VALID_RESPONSES), VALID_RESPONSES)
      const { exchange, meaning, side } = await receive(bytes, [])
      if (meaning === 'failed' || exchange.head === undefined || exchange.informational.length > 0) continue
      const { head, body, trailers } = exchange
      const chunked = head.headers.has('transfer-encoding') && body !== ''
      const framed = chunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailers}\r\n` : body
      const ended = head.headers.has('transfer-encoding') && body === '' ? `0\r\n${trailers}\r\n` : framed
      const hasBody = head.status !== 204 && head.status !== 304
      const lines = fieldPairs(head.headers.block).map(([name, value]) => `${name}: ${value}\r\n`)
      const anew = `HTTP/1.1 ${head.status} ${head.reason}\r\n${lines.join('')}\r\n${hasBody ? ended : ''}`
      const again = await receive(anew, [])
      expect({ bytes, body: again.exchange.body, trailers: again.exchange.trailers }).toEqual({ bytes, body, trailers })
      expect(again.exchange.head?.headers.getAll('set-cookie')).toEqual(head.headers.getAll('set-cookie'))
      side.connection.discard()
    }
  })
})

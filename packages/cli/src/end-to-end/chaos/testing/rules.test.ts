import { expect, it } from 'vitest'
import { FaultLink, type LinkedConnection } from './fault-link.ts'
import { Ledger, type Loss, type Order } from './ledger.ts'
import { GRACE_MS } from './rules.ts'

// A judge that excuses too much would let every run pass.

const BROKEN: Loss = { how: 'status 502', status: 502, began: false }
const CUT: Loss = { how: 'cut', status: 200, began: true }
const GONE: Loss = { how: 'read ECONNRESET', began: false, worker: '10/2/' }

const link = await FaultLink.to({ port: 1 }, 'node')
await link.close()

const connection = (brokenAt?: number): LinkedConnection => ({
  link,
  clientPort: 1,
  broken: brokenAt === undefined ? undefined : { how: 'reset', at: brokenAt },
  heardAt: performance.now(),
})

/** Judges one request that began a second ago, or so. */
function unexplained(traits: Partial<Order>, loss: Loss, prepare: (ledger: Ledger, number: number) => void): number {
  const ledger = new Ledger()
  const order = ledger.begin('h1 get', { startedAt: performance.now() - 1_000, ...traits })
  prepare(ledger, order.number)
  ledger.ended(order, loss)
  return ledger.judge(0).unexplained.length
}

const nothing = (): void => undefined
const broken = (ledger: Ledger, number: number): void => ledger.sighted(number, connection(performance.now() - 100))
const unbroken = (ledger: Ledger, number: number): void => ledger.sighted(number, connection())
const killed =
  (victim: string) =>
  (ledger: Ledger): void =>
    void ledger.blows.push({ how: 'worker killed', victim, at: performance.now() - 200, until: performance.now() })
const unplugged = (ledger: Ledger): void =>
  void ledger.blows.push({
    how: 'clients unplugged',
    victim: '',
    at: performance.now() - 300,
    until: performance.now() - 100,
  })
const upgraded =
  (agoMs: number) =>
  (ledger: Ledger): void =>
    void ledger.blows.push({ how: 'upgrade', victim: '10/', at: performance.now() - agoMs, until: performance.now() })

it.each<[string, 'may' | 'may not', Partial<Order>, Loss, (ledger: Ledger, number: number) => void]>([
  ['an error without any reason', 'may not', {}, BROKEN, nothing],
  ['a GET whose connection to a node broke', 'may not', { idempotent: true, repeatable: true }, BROKEN, broken],
  ['the rest of an answer that had begun', 'may', { idempotent: true, repeatable: true }, CUT, broken],
  ['the rest of an answer over a connection that is well', 'may not', { repeatable: true }, CUT, unbroken],
  ['a POST whose connection to a node broke', 'may', {}, BROKEN, broken],
  ['a POST over a connection that is well', 'may not', {}, BROKEN, unbroken],
  ['what a killed worker did', 'may', { repeatable: true }, GONE, killed('10/2/')],
  ['what another worker did', 'may not', { repeatable: true }, GONE, killed('10/3/')],
  ['an error that a worker answered before it was killed', 'may not', {}, BROKEN, killed('10/2/')],
  ['a stream over a connection that was reset', 'may not', { kind: 'grpc stream', long: true }, GONE, nothing],
  ['a stream over a connection whose cable was out', 'may', { kind: 'grpc stream', long: true }, GONE, unplugged],
  [
    'a stream that was answered, cable or not',
    'may not',
    { kind: 'grpc stream', long: true },
    { ...GONE, status: 13 },
    unplugged,
  ],
  ['a request in an upgrade', 'may not', { repeatable: true }, GONE, upgraded(GRACE_MS + 500)],
  [
    'a stream that was told to end too early',
    'may not',
    { kind: 'websocket', long: true },
    { ...GONE, status: 1001 },
    upgraded(500),
  ],
  [
    'a stream that was told to end',
    'may',
    { kind: 'websocket', long: true },
    { ...GONE, status: 1001 },
    upgraded(GRACE_MS + 500),
  ],
  [
    'a stream that was cut too early',
    'may not',
    { kind: 'websocket', long: true },
    { ...GONE, status: 1006 },
    upgraded(500),
  ],
])('%s %s be lost', (_, may, traits, loss, prepare) => {
  expect(unexplained(traits, loss, prepare)).toBe(may === 'may' ? 0 : 1)
})

it('a request that went to nodes twice is wrong, whatever its answer, unless it may be repeated', () => {
  const ledger = new Ledger()
  for (const idempotent of [false, true]) {
    const order = ledger.begin('h1 post', { idempotent })
    ledger.sighted(order.number, connection())
    ledger.sighted(order.number, connection())
    ledger.ended(order, undefined)
  }
  expect(ledger.wrong).toEqual(['h1 post 1: sent 2 times, to node, node'])
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeAuthenticate, decodeLeaseGrant, decodeRange, decodeTransaction, decodeWatch } from './decode.ts'
import {
  encodeAuthenticate,
  encodeCompaction,
  encodeLeaseGrant,
  encodeRange,
  encodeTransaction,
  encodeWatchCreate,
  encodeWatchProgress,
} from './encode.ts'
import { etcdMessages } from '../testing/etcd-messages.ts'
import type { Compare, Operation } from './messages.ts'

const SEED = 20261121

/** As plain objects: 64 bits and bytes as text. */
function read(type: string, bytes: Uint8Array): unknown {
  const message = etcdMessages.lookupType(type)
  const plain = message.toObject(message.decode(bytes), { longs: String, bytes: String })
  return JSON.parse(
    JSON.stringify(plain, (field, value: unknown) => (BYTES.has(field) ? ascii(value as string) : value)),
  )
}

const BYTES = new Set(['key', 'range_end', 'value'])
const ascii = (base64: string): string => Buffer.from(base64, 'base64').toString()

function write(type: string, value: object): Uint8Array {
  const message = etcdMessages.lookupType(type)
  return Uint8Array.from(message.encode(message.fromObject(value)).finish())
}

const base64 = (value: string): string => Buffer.from(value).toString('base64')

describe('requests, read by another implementation', () => {
  test('range', () => {
    const request = { key: '/a/', rangeEnd: '/a0', limit: 500, revision: 2 ** 40, serializable: true, keysOnly: true }
    expect(read('RangeRequest', encodeRange(request).finish())).toEqual({
      key: '/a/',
      range_end: '/a0',
      limit: '500',
      revision: String(2 ** 40),
      serializable: true,
      keys_only: true,
    })
    expect(read('RangeRequest', encodeRange({ key: 'é' }).finish())).toEqual({ key: 'é' })
  })

  test('a transaction with comparisons of each sort, and a transaction in it', () => {
    const put = { put: { key: 'k', value: Buffer.from('v'), lease: 2n ** 62n } }
    const compare: Compare[] = [
      { key: 'a', is: 'equal', createRevision: 0 },
      { key: 'b', is: 'equal', modRevision: 7 },
      { key: 'c', is: 'equal', value: Buffer.from('x') },
      { key: 'd', rangeEnd: 'e', is: 'less', modRevision: 9 },
    ]
    const operations: Operation[] = [
      put,
      { delete: { key: 'd', rangeEnd: 'e' } },
      { range: { key: 'r' } },
      { transaction: { operations: [put] } },
    ]
    const written = { put: { key: 'k', value: 'v', lease: String(2n ** 62n) } }
    expect(read('Txn', encodeTransaction({ compare, operations }).finish())).toEqual({
      compare: [
        { target: 1, key: 'a', create_revision: '0' },
        { target: 2, key: 'b', mod_revision: '7' },
        { target: 3, key: 'c', value: 'x' },
        { result: 2, target: 2, key: 'd', range_end: 'e', mod_revision: '9' },
      ],
      success: [
        written,
        { delete: { key: 'd', range_end: 'e' } },
        { range: { key: 'r' } },
        { txn: { success: [written] } },
      ],
    })
  })

  test('watch, lease, compaction, authentication', () => {
    const watch = encodeWatchCreate({ key: '/a/', rangeEnd: '/a0', startRevision: 12 })
    expect(read('WatchRequest', watch)).toEqual({
      create: { key: '/a/', range_end: '/a0', start_revision: '12', progress_notify: true, fragment: true },
    })
    expect(read('WatchRequest', encodeWatchProgress())).toEqual({ progress: {} })
    expect(read('Grant', encodeLeaseGrant(60))).toEqual({ TTL: '60' })
    expect(read('Compaction', encodeCompaction(5))).toEqual({ revision: '5', physical: true })
    expect(read('Auth', encodeAuthenticate('jane', 'pässword'))).toEqual({ name: 'jane', password: 'pässword' })
  })
})

const header = { cluster_id: '18446744073709551615', member_id: '1', revision: '9007199254740991', raft_term: '3' }
const readHeader = { clusterId: 2n ** 64n - 1n, revision: Number.MAX_SAFE_INTEGER, raftTerm: 3 }
const kv = { key: base64('k'), create_revision: '1', mod_revision: '2', version: '2', value: base64('v'), lease: '-1' }
const readKv = { key: 'k', createRevision: 1, modRevision: 2, value: new Uint8Array(Buffer.from('v')), lease: -1n }

describe('responses, written by another implementation', () => {
  test('range', () => {
    const bytes = write('RangeResponse', { header, kvs: [kv, kv], more: true, count: '5' })
    expect(decodeRange(bytes)).toEqual({ header: readHeader, kvs: [readKv, readKv], more: true })
  })

  test('a transaction: ranges in their places', () => {
    const bytes = write('TxnResponse', {
      header,
      succeeded: true,
      responses: [{ put: { header } }, { range: { header, kvs: [kv] } }],
    })
    expect(decodeTransaction(bytes)).toEqual({
      header: readHeader,
      succeeded: true,
      ranges: [undefined, { header: readHeader, kvs: [readKv], more: false }],
    })
  })

  test('watch', () => {
    const bytes = write('WatchResponse', { header, fragment: true, events: [{ kv }, { type: 1, kv, prev_kv: kv }] })
    expect(decodeWatch(bytes)).toEqual({
      header: readHeader,
      watchId: 0,
      created: false,
      canceled: false,
      compactRevision: 0,
      cancelReason: '',
      fragment: true,
      events: [
        { deleted: false, kv: readKv },
        { deleted: true, kv: readKv },
      ],
    })
    expect(decodeWatch(write('WatchResponse', { header, watch_id: '-1' }))).toMatchObject({ watchId: -1, events: [] })
    const gone = write('WatchResponse', { canceled: true, compact_revision: '7', cancel_reason: 'because' })
    expect(decodeWatch(gone)).toMatchObject({ canceled: true, compactRevision: 7, cancelReason: 'because' })
  })

  test('lease and token', () => {
    expect(decodeLeaseGrant(write('GrantResponse', { header, ID: '7587862096837021445' }))).toBe(7587862096837021445n)
    expect(decodeAuthenticate(write('AuthResponse', { header, token: 'abc.1' }))).toBe('abc.1')
  })
})

describe('bytes that are no message', () => {
  const bytes = write('WatchResponse', { header, events: [{ kv, prev_kv: kv }] })

  test('cut off anywhere, they are an error or less of a message', () => {
    for (let length = 0; length < bytes.length; length++) {
      try {
        expect(decodeWatch(bytes.subarray(0, length)).events.length).toBeLessThanOrEqual(1)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }
  })

  test(`with random bytes in them, they are an error or some message (seed ${SEED})`, () => {
    const change = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), change), (some) => {
        const damaged = some instanceof Uint8Array ? some : Uint8Array.from(bytes)
        if (!(some instanceof Uint8Array)) for (const [at, value] of some) damaged[at] = value
        for (const decode of [decodeWatch, decodeRange, decodeTransaction]) {
          try {
            decode(damaged)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      }),
      { seed: SEED, numRuns: 3_000 },
    )
  })
})

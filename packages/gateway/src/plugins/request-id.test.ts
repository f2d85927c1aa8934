import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EchoedRequest } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { identifiers, type Sources } from './request-id.ts'

const RANGE = { length: 16, char_set: 'abcdefghijklmnopqrstuvwxyz' }

/** Bytes that count up from the one given, at any time. */
function sources(first = 0): Sources {
  let next = first
  return { now: () => 1_730_980_800_123, byte: () => next++ & 0xff }
}

/** A point of time, and those bytes. */
function replay(now: number, hex: string): Sources {
  const bytes = Buffer.from(hex, 'hex')
  let at = 0
  return { now: () => now, byte: () => bytes[at++] }
}

describe('identifiers', () => {
  it.each([
    ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ['uuidv7', /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ['nanoid', /^[A-Za-z0-9_-]{21}$/],
    ['ksuid', /^[0-9A-Za-z]{27}$/],
    ['range_id', /^[a-z]{16}$/],
  ] as const)('%s has its form, and no two are the same', (algorithm, form) => {
    const make = identifiers(algorithm, RANGE)
    const made = Array.from({ length: 2_000 }, make)
    for (const id of made) expect(id).toMatch(form)
    expect(new Set(made).size).toBe(made.length)
  })

  it('uuidv7 makes the example of RFC 9562, appendix A.6', () => {
    const make = identifiers('uuidv7', RANGE, replay(1_645_557_742_000, 'fcc3d8c4dc0c0c07398f'))
    expect(make()).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  })

  it('ksuid makes the example of its reference implementation', () => {
    const make = identifiers(
      'ksuid',
      RANGE,
      replay((1_400_000_000 + 107_608_047) * 1_000 + 999, 'b5a1cd34b5f99d1154fb6853345c9735'),
    )
    expect(make()).toBe('0ujtsYcgvSTl8PAuAdqWYSMnLOv')
  })

  it('ksuid and uuidv7 sort by time', () => {
    let now = 1_730_980_800_000
    for (const algorithm of ['ksuid', 'uuidv7'] as const) {
      const made = Array.from({ length: 20 }, () =>
        identifiers(algorithm, RANGE, { now: () => (now += 1_000), byte: () => 7 })(),
      )
      expect(made).toEqual([...made].sort())
    }
  })

  it('nanoid and range_id take characters by their bytes', () => {
    expect(identifiers('nanoid', RANGE, sources())()).toBe('abcdefghijklmnopqrstu')
    expect(identifiers('range_id', { length: 6, char_set: 'abcdef' }, sources(3))()).toBe('defabc')
  })

  it('range_id throws away the bytes that would make some characters likelier', () => {
    // 252 is the last whole multiple of 6: 252 to 255 are no choice.
    expect(identifiers('range_id', { length: 6, char_set: 'abcdef' }, sources(251))()).toBe('fabcde')
    expect(identifiers('range_id', { length: 3, char_set: 'x'.repeat(255) + 'y' }, sources(255))()).toBe('yxx')
  })

  it('every character of a set is as likely as the next', () => {
    const counts = new Map<string, number>()
    // The bytes run through all values 250 times; of each round, 250 are a choice.
    for (const character of identifiers('range_id', { length: 62_500, char_set: 'abcdefghij' }, sources())()) {
      counts.set(character, (counts.get(character) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual(Array(10).fill(6_250))
  })
})

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'request-id': config, ...more },
})

const document = {
  routes: [
    route('/default', {}),
    route('/named', { header_name: 'X-Trace', algorithm: 'nanoid' }),
    route('/silent', { include_in_response: false }),
    route('/v7', { algorithm: 'uuidv7' }),
    route('/ksuid', { algorithm: 'ksuid' }),
    route('/range', { algorithm: 'range_id' }),
    route('/range-own', { algorithm: 'range_id', range_id: { length: 256, char_set: '!"#$~^' } }),
    route('/blocked', {}, { 'ip-restriction': { whitelist: ['10.0.0.1'] } }),
    route('/rewritten', {}, { 'proxy-rewrite': { headers: { remove: ['X-Request-Id'] } } }),
  ],
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('request-id', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway(document)
  })
  afterAll(() => gateway.close())

  /** The identifier as the upstream and as the client got it. */
  async function idsOf(path: string, headers: Record<string, string | string[]> = {}, name = 'x-request-id') {
    const answer = await gateway.fetch(path, { headers })
    expect(answer.status).toBe(200)
    return { up: (answer.json() as EchoedRequest).headers[name], down: answer.headers[name] }
  }

  it('gives upstream and client the same new identifier', async () => {
    const { up, down } = await idsOf('/default')
    expect(up).toMatch(UUID)
    expect(down).toBe(up)
    expect((await idsOf('/default')).up).not.toBe(up)
  })

  it.each(['mine', '\xe9\xff', 'a\tb', 'x'.repeat(8_000)])('keeps the identifier of the client: %s', async (id) => {
    const { up, down } = await idsOf('/default', { 'x-request-id': id })
    expect(up).toBe(id)
    expect(down).toBe(id)
  })

  it('keeps several as they are, and shows them as one', async () => {
    expect(await idsOf('/default', { 'x-request-id': ['a', 'b'] })).toEqual({ up: 'a, b', down: 'a, b' })
  })

  it('an empty identifier is none', async () => {
    const { up, down } = await idsOf('/default', { 'x-request-id': '' })
    expect(up).toMatch(UUID)
    expect(down).toBe(up)
  })

  it('takes the header from the configuration', async () => {
    const { up, down } = await idsOf('/named', { 'x-request-id': 'other' }, 'x-trace')
    expect(up).toMatch(/^[A-Za-z0-9_-]{21}$/)
    expect(down).toBe(up)
    expect(await idsOf('/named', { 'X-TRACE': 'mine' }, 'x-trace')).toEqual({ up: 'mine', down: 'mine' })
  })

  it('leaves the response alone where it is said', async () => {
    const { up, down } = await idsOf('/silent')
    expect(up).toMatch(UUID)
    expect(down).toBeUndefined()
  })

  it('does not replace what the upstream says, unless that is nothing', async () => {
    const says = (value: string) => ({ 'x-answer-headers': JSON.stringify({ 'X-Request-ID': value }) })
    expect((await idsOf('/default', says('theirs'))).down).toBe('theirs')
    const { up, down } = await idsOf('/default', says(''))
    expect(down).toBe(up)
  })

  it.each([
    ['/v7', /^[0-9a-f]{8}-[0-9a-f]{4}-7/],
    ['/ksuid', /^[0-9A-Za-z]{27}$/],
    ['/range', /^[a-zA-Z0-9]{16}$/],
    ['/range-own', /^[!"#$~^]{256}$/],
  ])('%s', async (path, form) => {
    const { up, down } = await idsOf(path)
    expect(up).toMatch(form)
    expect(down).toBe(up)
  })

  it('answers of other plugins have it too', async () => {
    const answer = await gateway.fetch('/blocked')
    expect(answer.status).toBe(403)
    expect(answer.headers['x-request-id']).toMatch(UUID)
  })

  it('is for the client what it was, whatever later plugins make of the request', async () => {
    const { up, down } = await idsOf('/rewritten', { 'x-request-id': 'mine' })
    expect(up).toBeUndefined()
    expect(down).toBe('mine')
  })

  it.each([
    [{ header_name: '' }, 'header_name'],
    [{ header_name: 'a b' }, 'header_name'],
    [{ header_name: 'a\r\nb' }, 'header_name'],
    [{ algorithm: 'snowflake' }, 'algorithm'],
    [{ include_in_response: 'no' }, 'include_in_response'],
    [{ range_id: { length: 5 } }, 'range_id/length'],
    [{ range_id: { length: 257 } }, 'range_id/length'],
    [{ range_id: { length: 1e9 } }, 'range_id/length'],
    [{ range_id: { length: 6.5 } }, 'range_id/length'],
    [{ range_id: { char_set: 'abcde' } }, 'range_id/char_set'],
    [{ range_id: { char_set: 'abcde\n' } }, 'range_id/char_set'],
    [{ range_id: { char_set: 'abcdeé' } }, 'range_id/char_set'],
    [{ range: {} }, 'range'],
  ])('refuses %j', async (config, field) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(
      `/routes/0/plugins/request-id/${field}`,
    )
  })
})

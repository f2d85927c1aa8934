import { expect, it } from 'vitest'
import { decodeMessage, encodeQuery, type DnsMessage } from './message.ts'
import { decodeName, encodeName } from './name.ts'
import { messageOf, type WrittenRecord } from './testing/write-message.ts'

const question = { name: 'shop.example', type: 1 }

it('writes a query with recursion, one question and EDNS', () => {
  const query = encodeQuery(0xabcd, 'Shop.example.', 'SRV') as Buffer
  expect(query.toString('hex')).toBe(
    ['abcd0100000100000000', '0001', '0453686f70076578616d706c6500', '00210001', '00002904d0000000000000'].join(''),
  )
})

it('knows what is no name', () => {
  for (const name of ['a..b', '.', 'ä.example', `${'a'.repeat(64)}.b`, Array(64).fill('abcd').join('.'), 'a b']) {
    const encoded = encodeName(name)
    if (name === '.') expect(encoded).toEqual(Buffer.from([0]))
    else expect({ name, encoded }).toEqual({ name, encoded: undefined })
  }
})

it('reads A, AAAA, CNAME, SRV and SOA records, compressed or not, and leaves others out', () => {
  const records: WrittenRecord[] = [
    { name: 'SHOP.example', type: 'CNAME', ttl: 5, target: 'www.shop.example' },
    { name: 'www.shop.example', type: 'A', ttl: 300, address: '10.0.0.1' },
    { name: 'www.shop.example', type: 'AAAA', ttl: 0xffff_ffff, address: '2001:db8::1' },
    { name: 'www.shop.example', type: 'TXT', ttl: 1 },
    { name: 'shop.example', type: 'SRV', ttl: 7, priority: 1, weight: 2, port: 8080, target: 'a.shop.example' },
    { name: 'example', type: 'SOA', ttl: 60, minimum: 30 },
  ]
  for (const compress of [true, false]) {
    const message = decodeMessage(messageOf({ id: 7, question, answers: records }, compress)) as DnsMessage
    expect(message).toMatchObject({ id: 7, rcode: 0, truncated: false, question })
    expect(message.answers).toEqual([
      { name: 'shop.example', type: 'CNAME', ttl: 5, target: 'www.shop.example' },
      { name: 'www.shop.example', type: 'A', ttl: 300, address: '10.0.0.1' },
      { name: 'www.shop.example', type: 'AAAA', ttl: 0, address: '2001:db8::1' },
      { name: 'shop.example', type: 'SRV', ttl: 7, priority: 1, weight: 2, port: 8080, target: 'a.shop.example' },
      { name: 'example', type: 'SOA', ttl: 60, minimum: 30 },
    ])
  }
})

it('refuses what is not exactly an answer', () => {
  const good = messageOf({
    id: 1,
    question,
    answers: [{ name: 'shop.example', type: 'A', ttl: 1, address: '10.0.0.1' }],
  })
  const changed = (at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(good)
    copy.set(bytes, at)
    return copy
  }
  const cases: [Buffer, string][] = [
    [good.subarray(0, 11), 'shorter than a header'],
    [changed(2, 0x01), 'a query, not an answer'],
    [changed(2, 0xa0), 'an answer to another operation'],
    [changed(4, 0, 2), 'not one question'],
    [good.subarray(0, 20), 'ends within a name'],
    [good.subarray(0, 27), 'ends within its question'],
    [changed(28, 0, 3), 'a question of another class'],
    [good.subarray(0, good.length - 1), 'ends within a record'],
    [Buffer.concat([good, Buffer.from([0])]), 'has bytes behind its records'],
    [changed(6, 0, 2), 'ends within a name'],
    [changed(good.length - 5, 3), 'has an A record of another length'],
  ]
  for (const [bytes, problem] of cases)
    expect({ problem, said: decodeMessage(bytes) }).toEqual({ problem, said: problem })
})

it('follows pointers back, and never ahead or in a loop', () => {
  const name = (hex: string, at: number): unknown => decodeName(Buffer.from(hex, 'hex'), at)
  expect(name('016100c000', 3)).toEqual({ name: 'a', end: 5 })
  expect(name('016100' + '0162c000', 3)).toEqual({ name: 'b.a', end: 7 })
  for (const loop of ['c000', 'c002c000', '0161c000'])
    expect({ loop, said: name(loop, 0) }).toEqual({ loop, said: 'has a name that points ahead' })
  expect(name('4061', 0)).toBe('has a label of a form that is not known')
  expect(name('c0', 0)).toBe('ends within a name')
  expect(name('03612e6200', 0)).toEqual({ name: 'a\\046b', end: 5 })
  expect(name('0300410a00', 0)).toEqual({ name: '\\000a\\010', end: 5 })
})

it('survives 100,000 mutations without throwing, and what it reads is within the message', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9)
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const good = messageOf(
    {
      id: 3,
      question,
      answers: [
        { name: 'shop.example', type: 'SRV', ttl: 7, priority: 1, weight: 2, port: 80, target: 'a.shop.example' },
        { name: 'shop.example', type: 'CNAME', ttl: 5, target: 'www.shop.example' },
      ],
      authority: [{ name: 'example', type: 'SOA', ttl: 60, minimum: 30 }],
      additional: [{ name: 'a.shop.example', type: 'AAAA', ttl: 5, address: '::1' }],
    },
    true,
  )
  let read = 0
  for (let round = 0; round < 100_000; round++) {
    const bytes = Buffer.from(good)
    for (let left = 1 + random(3); left > 0; left--) bytes[random(bytes.length)] = random(256)
    const message = decodeMessage(bytes.subarray(0, random(20) === 0 ? random(bytes.length) : bytes.length))
    if (typeof message === 'string') continue
    read++
    for (const record of [...message.answers, ...message.authority, ...message.additional]) {
      const texts = [record.name, ...('target' in record ? [record.target] : [])]
      // Four characters for a byte at most.
      if (texts.some((text) => text.length > 4 * 255) || record.ttl > 0x7fff_ffff)
        throw new Error(`seed ${seed}, round ${round}`)
    }
  }
  expect({ seed, some: read > 1_000 }).toEqual({ seed, some: true })
})

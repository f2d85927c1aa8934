import { describe, expect, test } from 'vitest'
import { Resolver, systemLookup, type Resolution } from './resolver.ts'

class Names {
  asked: string[] = []
  answer: () => Promise<Resolution> = async () => ({ addresses: ['192.0.2.1'], ttlMs: 10_000 })
  private time = 0
  readonly resolver = new Resolver(
    (name) => {
      this.asked.push(name)
      return this.answer()
    },
    { now: () => this.time },
  )

  pass(ms: number): void {
    this.time += ms
  }

  gives(addresses: string[], ttlMs: number): void {
    this.answer = async () => ({ addresses, ttlMs })
  }

  fails(message = 'the name server is away'): void {
    this.answer = () => Promise.reject(new Error(message))
  }
}

/** What was started in this turn has settled. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Resolver', () => {
  test('gives an IP address back without asking', () => {
    const names = new Names()
    expect(names.resolver.resolve('192.0.2.7')).toBe('192.0.2.7')
    expect(names.resolver.resolve('2001:db8::1')).toBe('2001:db8::1')
    expect(names.asked).toEqual([])
  })

  test('asks once for many, and then answers at once', async () => {
    const names = new Names()
    const three = [1, 2, 3].map(async () => names.resolver.resolve('a.test'))
    expect(await Promise.all(three)).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1'])
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.asked).toEqual(['a.test'])
  })

  test('gives several addresses in turn', async () => {
    const names = new Names()
    names.gives(['192.0.2.1', '192.0.2.2', '192.0.2.3'], 10_000)
    const given = [await names.resolver.resolve('a.test')]
    for (let pick = 0; pick < 5; pick++) given.push(await names.resolver.resolve('a.test'))
    expect(given.slice(0, 3).sort()).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    expect(given.slice(3)).toEqual(given.slice(0, 3))
  })

  test('asks again when the TTL is over; the old answer serves until the new one is there', async () => {
    const names = new Names()
    await names.resolver.resolve('a.test')
    names.gives(['192.0.2.2'], 10_000)
    names.pass(9_999)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.asked.length).toBe(1)
    names.pass(1)
    // One look-up, however many ask meanwhile.
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.asked.length).toBe(2)
    await settled()
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.2')
  })

  test.each([
    ['0 is kept for a second', 0, 999, 1],
    ['a day is kept for five minutes', 86_400_000, 299_999, 1],
  ])('a TTL of %s', async (_, ttlMs, kept, more) => {
    const names = new Names()
    names.gives(['192.0.2.1'], ttlMs)
    await names.resolver.resolve('a.test')
    names.pass(kept)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.asked.length).toBe(1)
    names.pass(more)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.asked.length).toBe(2)
    await settled()
  })

  test('keeps the last good answer while the name server is away, and asks once a second', async () => {
    const names = new Names()
    await names.resolver.resolve('a.test')
    names.fails()
    names.pass(10_000)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    await settled()
    names.pass(999)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    expect(names.asked.length).toBe(2)
    names.gives(['192.0.2.9'], 10_000)
    names.pass(1)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    await settled()
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.9')
  })

  test('without a good answer the failure is given for a second, and then it asks again', async () => {
    const names = new Names()
    names.fails()
    await expect(names.resolver.resolve('a.test')).rejects.toThrow('away')
    await expect(names.resolver.resolve('a.test')).rejects.toThrow('away')
    expect(names.asked.length).toBe(1)
    names.gives(['192.0.2.1'], 10_000)
    names.pass(1_000)
    expect(await names.resolver.resolve('a.test')).toBe('192.0.2.1')
  })

  test('no address at all is a failure, also behind a good answer', async () => {
    const names = new Names()
    names.gives([], 10_000)
    await expect(names.resolver.resolve('a.test')).rejects.toThrow('a.test has no address')
    names.gives(['192.0.2.1'], 1_000)
    names.pass(1_000)
    await names.resolver.resolve('a.test')
    names.gives([], 1_000)
    names.pass(1_000)
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
    await settled()
    expect(names.resolver.resolve('a.test')).toBe('192.0.2.1')
  })

  test('remembers 10,000 names, and forgets the oldest for one more', async () => {
    const names = new Names()
    for (let name = 0; name <= 10_000; name++) void names.resolver.resolve(`${name}.test`)
    await settled()
    const before = names.asked.length
    expect(names.resolver.resolve('10000.test')).toBe('192.0.2.1')
    expect(names.asked.length).toBe(before)
    expect(names.resolver.resolve('0.test')).toBeInstanceOf(Promise)
    expect(names.asked.length).toBe(before + 1)
    await settled()
  })
})

test('the system knows localhost, which is in no DNS', async () => {
  const { addresses, ttlMs } = await systemLookup('localhost')
  expect(addresses).toContain('127.0.0.1')
  expect(ttlMs).toBe(10_000)
})

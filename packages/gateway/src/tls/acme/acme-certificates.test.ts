import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Ssl } from '../../resources/ssl.ts'
import type { CertificatePair } from '../ssl-table.ts'
import { A_CERTIFICATE, A_EXPIRED, A_RENEWED, KEY } from '../testing/server-certificates.ts'
import { AcmeCertificates, FIRST_RETRY_MS, renewalTime } from './acme-certificates.ts'

const MINUTE_MS = 60_000
const PAIR: CertificatePair = { cert: A_CERTIFICATE, key: KEY }

let stored: Map<string, CertificatePair>
let published: [string, Ssl][]
let log: string[]
let certificates: AcmeCertificates | undefined
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') })
  stored = new Map()
  published = []
  log = []
})
afterEach(() => {
  certificates?.stop()
  vi.useRealTimers()
})

async function begin(order: (domain: string) => Promise<CertificatePair>, domains = ['a.test']): Promise<void> {
  certificates = new AcmeCertificates({
    domains,
    storage: {
      readCertificate: async (domain) => stored.get(domain),
      writeCertificate: async (domain, pair) => void stored.set(domain, pair),
    },
    order,
    publish: (id, ssl) => published.push([id, ssl]),
    logger: {
      error: (_fields, message) => log.push(message),
      warn: () => undefined,
      info: (_fields, message) => log.push(message),
    },
  })
  await certificates.load()
  certificates.start()
  await vi.advanceTimersByTimeAsync(0)
}

test('what is missing is ordered, served and stored', async () => {
  await begin(async () => PAIR)
  expect(published).toEqual([['acme:a.test', { id: 'acme:a.test', sni: 'a.test', ...PAIR }]])
  expect(stored.get('a.test')).toEqual(PAIR)
  expect(log).toEqual(['acme: a.test has a certificate until Jan  1 00:00:00 2120 GMT'])
})

test('what is stored is served, and not ordered before its time', async () => {
  stored.set('a.test', PAIR)
  const order = vi.fn(async () => ({ ...PAIR, cert: A_RENEWED }))
  await begin(order)
  expect(published).toHaveLength(1)
  expect(order).not.toHaveBeenCalled()
  // A hundred years from 2020: two thirds are over in 2086. A clock that was set forward is noticed within a day.
  expect(new Date(renewalTime(A_CERTIFICATE)).getUTCFullYear()).toBe(2086)
  vi.setSystemTime(renewalTime(A_CERTIFICATE) - MINUTE_MS)
  await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE_MS)
  expect(order).toHaveBeenCalledTimes(1)
  expect(published.at(-1)?.[1].cert).toBe(A_RENEWED)
  expect(stored.get('a.test')?.cert).toBe(A_RENEWED)
})

test('failures are tried again, later each time; each domain by itself', async () => {
  let fail = true
  const asked: string[] = []
  await begin(
    async (domain) => {
      asked.push(domain)
      if (fail && domain === 'a.test') throw new Error('no such host')
      return PAIR
    },
    ['a.test', 'b.test'],
  )
  expect(published.map(([id]) => id)).toEqual(['acme:b.test'])
  expect(log).toContain('acme: no certificate for a.test: no such host; tried again in 15 minutes')
  await vi.advanceTimersByTimeAsync(FIRST_RETRY_MS - 1)
  expect(asked).toEqual(['a.test', 'b.test'])
  await vi.advanceTimersByTimeAsync(1)
  expect(asked).toHaveLength(3)
  expect(log.at(-1)).toMatch(/in 30 minutes$/)
  fail = false
  await vi.advanceTimersByTimeAsync(30 * MINUTE_MS)
  expect(published.map(([id]) => id)).toEqual(['acme:b.test', 'acme:a.test'])
})

test('the wait between failures has an end', async () => {
  const order = vi.fn(() => Promise.reject(new Error('down')))
  await begin(order)
  await vi.advanceTimersByTimeAsync(14 * 24 * 60 * MINUTE_MS)
  expect(log.at(-1)).toMatch(/in 1440 minutes$/)
  // 15 minutes doubled seven times is a day and more: seven tries on the first one and a third days, one a day since.
  expect(order.mock.calls.length).toBeLessThan(24)
  expect(order.mock.calls.length).toBeGreaterThan(18)
})

test('a certificate that is old when it comes is no reason to ask in a loop', async () => {
  const order = vi.fn(async () => ({ ...PAIR, cert: A_EXPIRED }))
  await begin(order)
  expect(order).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(FIRST_RETRY_MS)
  expect(order).toHaveBeenCalledTimes(2)
})

test('a stored file that is broken is ordered anew', async () => {
  stored.set('a.test', { cert: 'broken', key: KEY })
  await begin(async () => PAIR)
  expect(log[0]).toBe('acme: the stored certificate for a.test cannot be read')
  expect(published).toHaveLength(1)
})

test('a certificate that cannot be stored is served', async () => {
  await begin(async () => PAIR)
  certificates?.stop()
  published = []
  certificates = new AcmeCertificates({
    domains: ['a.test'],
    storage: { readCertificate: async () => undefined, writeCertificate: () => Promise.reject(new Error('disk full')) },
    order: async () => PAIR,
    publish: (id, ssl) => published.push([id, ssl]),
    logger: { error: (_fields, message) => log.push(message), warn: () => undefined, info: () => undefined },
  })
  await certificates.load()
  certificates.start()
  await vi.advanceTimersByTimeAsync(0)
  expect(published).toHaveLength(1)
  expect(log.at(-1)).toMatch(/cannot be stored/)
})

test('nothing happens after the end', async () => {
  const order = vi.fn(() => Promise.reject(new Error('down')))
  await begin(order)
  certificates?.stop()
  await vi.advanceTimersByTimeAsync(FIRST_RETRY_MS * 2)
  expect(order).toHaveBeenCalledTimes(1)
})

import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogRecord } from '../../logs/log-record.ts'
import type { ReadOptions } from '../../logs/log-reader.ts'
import { notFound } from '../../model/service-error.ts'
import { PackageLinks } from '../package-links.ts'
import { startControlApi, type RunningControlApi } from '../testing/start-control-api.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import { OpenEndpoints, OwnEndpoints } from './own-endpoints.ts'

const SHA = 'ab'.repeat(32)
const asked: ReadOptions[] = []
let ended!: () => void
let readerEnded: Promise<void>

/** One record, and then it waits until nobody reads any more. */
const logs = {
  async *read(_: string, options: ReadOptions = {}): AsyncGenerator<LogRecord> {
    asked.push(options)
    yield { timeMs: 5, stream: 's', text: 'hello' }
    const { signal } = options
    if (options.follow === true && signal !== undefined) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    ended()
  },
}

let api: RunningControlApi
let links: PackageLinks
let now = 1_800_000_000_000
let ready = true
const zip = Buffer.alloc(3_000_000, 'zip')

beforeEach(async () => {
  asked.length = 0
  readerEnded = new Promise((resolve) => (ended = resolve))
  links = new PackageLinks(
    async (sha256) => (sha256 === SHA ? { size: zip.length, stream: Readable.from([zip]) } : undefined),
    () => now,
  )
  const metrics = (): string => 'up 1\n'
  const own = new OwnEndpoints({
    engine: new FakeEngine(),
    logs,
    checkFunction: (name) => {
      if (name !== 'f') throw notFound('Function not found')
    },
    doctor: async () => [{ driver: 'process', checks: [] }],
    heartbeatMs: 5,
  })
  api = await startControlApi({ surfaces: [links, own, new OpenEndpoints({ metrics, ready: () => ready })] })
})
afterEach(() => api.close())

const get = (path: string): Promise<Response> => fetch(api.endpoint + path)

describe('own endpoints', () => {
  it('tell health, readiness, metrics, state and checks', async () => {
    expect(await (await get('/sekisho/health')).text()).toBe('ok\n')
    expect(await (await get('/metrics')).text()).toBe('up 1\n')
    expect(await (await get('/sekisho/state')).json()).toEqual({ environments: 0, functions: [] })
    expect(await (await get('/sekisho/doctor')).json()).toEqual([{ driver: 'process', checks: [] }])
    expect((await get('/sekisho/ready')).status).toBe(200)
    ready = false
    expect((await get('/sekisho/ready')).status).toBe(503)
    ready = true
    expect((await get('/sekisho/other')).status).toBe(404)
  })

  it('read a log', async () => {
    const answer = await get('/sekisho/functions/f/logs?since=3')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    expect(await answer.text()).toBe('{"time":5,"stream":"s","text":"hello"}\n')
    expect(asked[0]).toMatchObject({ since: 3, follow: false })
    expect((await get('/sekisho/functions/g/logs')).status).toBe(404)
    expect((await get('/sekisho/functions/f/logs?since=yesterday')).status).toBe(400)
  })

  it('follow a log until the reader leaves', async () => {
    const gone = new AbortController()
    const answer = await fetch(`${api.endpoint}/sekisho/functions/f/logs?follow`, { signal: gone.signal })
    const reader = answer.body?.getReader()
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('hello')
    gone.abort()
    await readerEnded
  })
})

describe('links to packages', () => {
  const path = (): string => links.link('', SHA)

  it('lead to the zip for ten minutes', async () => {
    const link = path()
    expect(Buffer.from(await (await get(link)).arrayBuffer()).equals(zip)).toBe(true)
    now += 600_000
    expect((await get(link)).status).toBe(200)
    now += 1
    expect(await (await get(link)).json()).toEqual({ Message: 'The link has expired.' })
  })

  it('cannot be made by others', async () => {
    for (const link of [
      path().replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
      path().replace(SHA, 'cd'.repeat(32)),
      path().replace(/expires=\d+/, 'expires=99999999999'),
      path().replace(/&signature=.*/, ''),
      `/sekisho/packages/..%2f..%2fetc%2fpasswd?expires=99999999999&signature=`,
    ]) {
      expect((await get(link)).status, link).toBe(403)
    }
    expect((await get(links.link('', 'cd'.repeat(32)))).status).toBe(404)
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ByteClient, startByteService, type ByteService } from '../../../gateway/src/grpc/testing/byte-service.ts'
import { eventually } from '../testing/eventually.ts'
import { freePort } from '../testing/free-port.ts'
import { Sekisho } from '../testing/sekisho.ts'

// `npm run test:soak` sets these; here a short form.
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 3)
const CALLS = Number(process.env['SOAK_CALLS'] ?? 200)
/** Below the streams that a connection may have open. */
const CALLS_PER_CONNECTION = 50
/** Calls of one message beside the open ones, each second. */
const SHORT_CALLS = 50

const folder = mkdtempSync(join(tmpdir(), 'sekisho-soak-'))
let service: ByteService
let gateway: Sekisho | undefined
let port = 0
let metricsPort = 0

/** Each has another route, plugin configuration and time limit: all of a plan is made anew. */
function writeConfiguration(version: number): void {
  writeFileSync(
    join(folder, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
metrics: { address: "127.0.0.1:${metricsPort}" }
workers: 2
routes:
  - id: bytes
    uri: /test.Bytes/*
    labels: { version: "${version}" }
    upstream: { scheme: grpc, nodes: { "${service.address}": ${1 + (version % 2)} } }
    grpc: { max_timeout: ${3_600 + version}, max_request_message_bytes: 1000 }
    plugins: { prometheus: {}, request-id: { header_name: "x-version-${version % 7}" } }
  - { id: "other-${version}", uri: "/other/${version}", upstream: "http://127.0.0.1:1" }
`,
  )
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

beforeAll(async () => {
  service = await startByteService()
  metricsPort = await freePort()
  writeConfiguration(0)
  gateway = new Sekisho(['start'], { cwd: folder })
  const [, url] = await gateway.printed(/^serving \S+ on http:\/\/127\.0\.0\.1:(\d+)/m)
  port = Number(url)
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  service.stop()
  rmSync(folder, { recursive: true })
})

/** A call that stays open, and what it has heard. */
class OpenCall {
  echoes = 0
  failure: string | undefined
  ended = false
  private readonly call: ReturnType<ByteClient['talk']>
  private wake: (() => void) | undefined

  constructor(client: ByteClient, number: number) {
    this.call = client.talk()
    this.call.on('data', (message: Buffer) => {
      if (message.toString() !== `${number}:${this.echoes}`) this.failure ??= `got ${message.toString()}`
      this.echoes++
      this.wake?.()
    })
    this.call.on('error', (error: Error) => {
      this.failure ??= error.message
      this.wake?.()
    })
    this.call.on('end', () => {
      this.ended = true
      this.wake?.()
    })
    this.say = () => this.call.write(Buffer.from(`${number}:${this.echoes}`))
  }

  readonly say: () => void

  async heard(echoes: number): Promise<void> {
    while (this.echoes < echoes && this.failure === undefined && !this.ended)
      await new Promise<void>((resolve) => (this.wake = resolve))
  }

  async finish(): Promise<void> {
    this.call.end()
    while (!this.ended && this.failure === undefined) await new Promise<void>((resolve) => (this.wake = resolve))
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]

it(
  `${CALLS} streaming calls for ${SECONDS} s, with a new configuration each second: none breaks, and memory stays`,
  async () => {
    const clients = Array.from({ length: Math.ceil(CALLS / CALLS_PER_CONNECTION) }, () => new ByteClient(port))
    const calls = Array.from({ length: CALLS }, (_, at) => new OpenCall(clients[at % clients.length], at))
    const memory: number[] = []
    const revision = await metric('sekisho_config_revision')
    let slowest = 0
    for (let second = 1; second <= SECONDS; second++) {
      const began = performance.now()
      writeConfiguration(second)
      for (const call of calls) call.say()
      const short = Array.from({ length: SHORT_CALLS }, (_, at) => clients[at % clients.length].call(`${at}`))
      expect((await Promise.all(short)).filter(({ code }) => code !== 0)).toEqual([])
      await Promise.all(calls.map((call) => call.heard(second)))
      slowest = Math.max(slowest, performance.now() - began)
      memory.push(await metric('process_resident_memory_bytes'))
      await pause(Math.max(0, 1_000 - (performance.now() - began)))
    }
    expect(calls.filter(({ failure, echoes }) => failure !== undefined || echoes !== SECONDS)).toEqual([])
    await Promise.all(calls.map((call) => call.finish()))
    expect(calls.filter(({ failure }) => failure !== undefined)).toEqual([])
    for (const client of clients) client.close()
    // The last write may still be on its way.
    const reloads = await eventually(
      async () => (await metric('sekisho_config_revision')) - revision,
      (seen) => seen >= SECONDS,
    )
    expect(await metric('sekisho_config_reload_failures_total')).toBe(0)

    const third = Math.ceil(memory.length / 3)
    const before = median(memory.slice(third, 2 * third))
    const after = median(memory.slice(2 * third))
    const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
    console.log(
      `${CALLS} calls, ${SECONDS} s, ${reloads} reloads, ${CALLS * SECONDS} messages there and back; ` +
        `slowest round ${slowest.toFixed(0)} ms; resident memory: first ${mb(memory[0])} MB, ` +
        `second third ${mb(before)} MB, last third ${mb(after)} MB`,
    )
    // A minute in which a tenth is lost for ever is a leak; in the short form the heap is still finding its size.
    expect(after).toBeLessThan(before * (SECONDS >= 30 ? 1.1 : 1.5) + 16 * 2 ** 20)
  },
  (SECONDS + 60) * 1_000,
)

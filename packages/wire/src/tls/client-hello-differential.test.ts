import { once } from 'node:events'
import { connect as connectPlain, createServer } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, createSecureContext, TLSSocket, type ConnectionOptions } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { EC_CERTIFICATE, EC_KEY } from '../testing/certificates.ts'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../testing/seeded-random.ts'
import { parseClientHello } from './client-hello.ts'

const secureContext = createSecureContext({ cert: EC_CERTIFICATE, key: EC_KEY })

/** What Node's client sends first. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connectPlain((server.address() as { port: number }).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [Duplex]
  const client = connect({ socket, rejectUnauthorized: false, ...options })
  client.on('error', () => {})
  const [bytes] = (await once(accepted, 'data')) as [Buffer]
  client.destroy()
  accepted.destroy()
  server.close()
  return bytes
}

interface Seen {
  readonly servername: string | false
  readonly protocols: readonly string[]
}

/** What OpenSSL's server reads in it; undefined when it refuses it before it looks at protocols. */
async function seenByOpenssl(bytes: Buffer): Promise<Seen | undefined> {
  const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  let seen: Seen | undefined
  const callback = (told: Seen): undefined => {
    seen = told
    return undefined
  }
  const options = { isServer: true, secureContext, ALPNCallback: callback }
  const server = new TLSSocket(wire, options)
  server.on('error', () => {})
  wire.push(bytes)
  wire.push(null)
  await once(wire, 'end')
  await new Promise((resolve) => setImmediate(resolve))
  server.destroy()
  wire.destroy()
  return seen
}

describe('a ClientHello of Node’s client', () => {
  it.each<[string, ConnectionOptions, object]>([
    ['of today', { servername: 'A.test', ALPNProtocols: ['h2', 'x'] }, { serverName: 'a.test', alpn: ['h2', 'x'] }],
    ['of TLS 1.2', { maxVersion: 'TLSv1.2', servername: 'b.test' }, { serverName: 'b.test', versions: [0x0303] }],
    ['of TLS 1.3 alone', { minVersion: 'TLSv1.3' }, { serverName: '', alpn: [], versions: [0x0304] }],
  ])('%s is understood', async (_, options, meaning) => {
    expect(parseClientHello(await helloOf(options))).toMatchObject(meaning)
  })
})

describe('a ClientHello, mutated', () => {
  it('means what OpenSSL takes it for, if that takes it at all', async () => {
    const random = new SeededRandom(fuzzSeed(20_261_121))
    const runs = fuzzRuns(1_500)
    const valid = [
      await helloOf({ servername: 'a.test', ALPNProtocols: ['h2', 'http/1.1'], maxVersion: 'TLSv1.2' }),
      await helloOf({ servername: 'long-name.b.test', ALPNProtocols: ['http/1.1'] }),
    ]
    let taken = 0
    for (let run = 0; run < runs; run++) {
      const bytes = Buffer.from(random.pick(valid))
      for (let times = 1 + random.below(3); times > 0; times--) mutateByte(random, bytes)
      const seen = await seenByOpenssl(bytes)
      const ours = parseClientHello(bytes)
      if (seen === undefined) continue
      taken++
      const told = { seed: run, hello: bytes.toString('hex') }
      const servername = seen.servername || ''
      if (ours === 'MALFORMED' && !/^[\w.:-]+$/.test(servername)) continue
      const heard = typeof ours === 'object' ? { ...ours, alpn: ours.alpn.map(ascii) } : { ours }
      expect({ ...told, ...heard }).toMatchObject({
        ...told,
        serverName: servername.toLowerCase().replace(/\.$/, ''),
        alpn: seen.protocols,
      })
    }
    expect(taken).toBeGreaterThan(runs / 4)
  }, 60_000)
})

/** Node drops the uppermost bit of what it shows of protocols. */
const ascii = (text: string): string => Buffer.from(text, 'latin1').toString('ascii')

/** Lengths and types are small numbers: those are tried more than others. Half of the changes hit the extensions that we read. */
function mutateByte(random: SeededRandom, bytes: Buffer): void {
  const start = random.chance(0.5) ? Math.max(0, bytes.indexOf('.test') - 24) : 0
  const at = start + random.below(start > 0 ? 80 : bytes.length)
  if (at >= bytes.length) return
  bytes[at] = random.chance(0.5) ? random.below(256) : (bytes[at] + random.below(5) - 2) & 0xff
}

describe('random bytes', () => {
  it('never throw, whatever their records hold', () => {
    const random = new SeededRandom(fuzzSeed(7))
    for (let run = 0; run < fuzzRuns(20_000); run++) {
      const bytes = Buffer.from(Array.from({ length: random.below(90) }, () => random.below(random.pick([4, 64, 256]))))
      const head = Buffer.from([22, 3, 1, 0, bytes.length + 4, 1, 0, 0, bytes.length])
      const told = parseClientHello(random.chance(0.2) ? bytes : Buffer.concat([head, bytes]))
      expect(typeof told === 'object' || /^(INCOMPLETE|NOT_TLS|MALFORMED|TOO_LARGE)$/.test(told)).toBe(true)
    }
  })
})

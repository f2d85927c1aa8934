import { createSocket, type Socket } from 'node:dgram'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DnsClient } from './dns-client.ts'
import { lookUp } from './dns-lookup.ts'
import { candidates, parseResolvConf } from './resolv-conf.ts'
import { messageOf, type WrittenMessage, type WrittenRecord } from './testing/write-message.ts'

interface Question {
  readonly id: number
  readonly name: string
  readonly type: number
  readonly tcp: boolean
}

/** Plays a name server on UDP and TCP; undefined is no answer. */
class NameServer {
  readonly asked: Question[] = []
  port = 0
  private readonly udp: Socket = createSocket('udp4')
  private readonly tcp: Server
  private readonly answer: (question: Question) => readonly Buffer[]

  constructor(answer: (question: Question) => readonly Buffer[]) {
    this.answer = answer
    this.udp.on('message', (bytes, from) => {
      for (const reply of this.reply(bytes, false)) this.udp.send(reply, from.port, from.address)
    })
    this.tcp = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes: Buffer) => {
        for (const reply of this.reply(bytes.subarray(2), true)) {
          const length = Buffer.from([reply.length >> 8, reply.length & 255])
          // Cut where it hurts: within the length.
          socket.write(length.subarray(0, 1))
          setImmediate(() => socket.end(Buffer.concat([length.subarray(1), reply])))
        }
      })
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.tcp.listen(0, '127.0.0.1', resolve))
    this.port = (this.tcp.address() as AddressInfo).port
    await new Promise<void>((resolve) => this.udp.bind(this.port, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    this.udp.close()
    await new Promise((resolve) => this.tcp.close(resolve))
  }

  private reply(bytes: Buffer, tcp: boolean): readonly Buffer[] {
    const labels: string[] = []
    let at = 12
    for (; bytes[at] !== 0; at += bytes[at] + 1) labels.push(bytes.toString('latin1', at + 1, at + 1 + bytes[at]))
    const question = { id: bytes.readUInt16BE(0), name: labels.join('.'), type: bytes.readUInt16BE(at + 1), tcp }
    this.asked.push(question)
    return this.answer(question)
  }
}

let servers: NameServer[]
beforeEach(() => void (servers = []))
afterEach(() => Promise.all(servers.map((server) => server.close())))

async function client(...answers: ((question: Question) => readonly Buffer[])[]): Promise<DnsClient> {
  servers = answers.map((answer) => new NameServer(answer))
  await Promise.all(servers.map((server) => server.start()))
  return new DnsClient({
    servers: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    timeoutMs: 200,
    attempts: 2,
  })
}

const write = ({ id, name, type }: Question, more: Partial<WrittenMessage> = {}): Buffer =>
  messageOf({ id, question: { name, type }, ...more }, true)
const a = (name: string, address: string, ttl = 60): WrittenRecord => ({ name, type: 'A', address, ttl })

it('looks at nothing that does not fit the question, and takes the answer that does', async () => {
  const dns = await client((question) => [
    write({ ...question, id: question.id ^ 1 }, { answers: [a(question.name, '6.6.6.6')] }),
    write({ ...question, name: 'evil.test' }, { answers: [a('evil.test', '6.6.6.6')] }),
    write({ ...question, type: 28 }),
    Buffer.from([(question.id >> 8) ^ 1, 0, 0]),
    write(question, { answers: [a('evil.test', '6.6.6.6'), a('Shop.TEST', '10.0.0.1', 9)] }),
  ])
  expect(await dns.lookup('shop.test', 'A')).toMatchObject({ records: [{ address: '10.0.0.1' }], ttl: 9 })
})

it('asks again over TCP when an answer is cut', async () => {
  const dns = await client((question) => [
    question.tcp
      ? write(question, {
          answers: Array.from({ length: 300 }, (_, index) => a('shop.test', `10.0.${index >> 8}.${index & 255}`)),
        })
      : write(question, { truncated: true }),
  ])
  expect((await dns.lookup('shop.test', 'A')).records).toHaveLength(300)
  expect(servers[0].asked.map(({ tcp }) => tcp)).toEqual([false, true])
})

it('asks the next server, and all of them again, before it gives up; what failed last is told', async () => {
  const failing = (rcode: number) => (question: Question) => [write(question, { rcode })]
  const dns = await client(failing(2), failing(5), () => [])
  await expect(dns.lookup('shop.test', 'A')).rejects.toThrow(
    /^the name server 127\.0\.0\.1:\d+ does not answer within 0\.2 s$/,
  )
  expect(servers.map(({ asked }) => asked.length)).toEqual([2, 2, 2])
  const broken = await client((question) => [write(question).subarray(0, 20)])
  await expect(broken.lookup('shop.test', 'A')).rejects.toThrow('sends an answer that ends within a name')
  const refusing = await client(failing(5))
  await expect(refusing.lookup('shop.test', 'A')).rejects.toThrow('the name server answers REFUSED for A of shop.test')
  await expect(refusing.lookup('a..b', 'A')).rejects.toThrow('"a..b" is not a name in the DNS')
})

it('takes a name that is not there, or has none of a type, for an answer, and remembers it as the SOA says', async () => {
  const soa: WrittenRecord = { name: 'test', type: 'SOA', ttl: 900, minimum: 40 }
  const dns = await client((question) => [
    question.name === 'none.test'
      ? write(question, { rcode: 3, authority: [soa] })
      : question.name === 'old.test'
        ? write(question, { rcode: 4 })
        : write(question, { authority: [soa] }),
  ])
  expect(await dns.lookup('none.test', 'A')).toEqual({ records: [], ttl: 40, additional: [] })
  expect(await dns.lookup('empty.test', 'AAAA')).toEqual({ records: [], ttl: 40, additional: [] })
  expect(await dns.lookup('old.test', 'SRV')).toEqual({ records: [], ttl: 5, additional: [] })
})

it('follows CNAMEs by the least TTL, and not in circles', async () => {
  const alias = (name: string, target: string, ttl: number): WrittenRecord => ({ name, type: 'CNAME', target, ttl })
  const dns = await client((question) => [
    write(question, {
      answers:
        question.name === 'circle.test'
          ? [alias('circle.test', 'b.test', 5), alias('b.test', 'circle.test', 5)]
          : [
              a('c.test', '10.0.0.3', 70),
              alias('b.test', 'c.test', 8),
              alias('a.test', 'b.test', 90),
              a('other.test', '6.6.6.6'),
            ],
    }),
  ])
  expect(await dns.lookup('a.test', 'A')).toMatchObject({ records: [{ address: '10.0.0.3' }], ttl: 8 })
  expect((await dns.lookup('circle.test', 'A')).records).toEqual([])
})

it('takes addresses of SRV targets from the answer, asks for others, and knows that "." is nothing', async () => {
  const srv = (name: string, target: string, port: number): WrittenRecord => ({
    name,
    type: 'SRV',
    ttl: 50,
    priority: 0,
    weight: 5,
    port,
    target,
  })
  const dns = await client((question) => {
    if (question.type === 33 && question.name === 'no.test')
      return [write(question, { answers: [srv('no.test', '.', 0)] })]
    if (question.type === 33)
      return [
        write(question, {
          answers: [srv('shop.test', 'a.test', 8080), srv('shop.test', 'b.test', 0)],
          additional: [a('a.test', '10.0.0.1', 20)],
        }),
      ]
    return [
      write(question, {
        answers: question.name === 'b.test' && question.type === 1 ? [a('b.test', '10.0.0.2', 30)] : [],
      }),
    ]
  })
  const conf = { search: [], ndots: 1 }
  expect(await lookUp(dns, 'shop.test', 99, ['SRV', 'A'], conf)).toEqual({
    nodes: [
      { host: '10.0.0.1', port: 8080, weight: 5, priority: 0 },
      { host: '10.0.0.2', port: 99, weight: 5, priority: 0 },
    ],
    ttl: 20,
    type: 'SRV',
  })
  expect(servers[0].asked.map(({ name, type }) => `${name} ${type}`)).toEqual(['shop.test 33', 'b.test 1'])
  expect((await lookUp(dns, 'no.test', 99, ['SRV'], conf)).nodes).toEqual([])
})

it('does not take addresses when the SRV records cannot be asked for', async () => {
  const dns = await client((question) => [
    question.type === 33 ? write(question, { rcode: 2 }) : write(question, { answers: [a(question.name, '10.0.0.1')] }),
  ])
  await expect(lookUp(dns, 'shop.test', 80, ['SRV', 'A'], { search: [], ndots: 1 })).rejects.toThrow(
    'SERVFAIL for SRV of shop.test',
  )
})

it('reads resolv.conf as the C library does', () => {
  const conf = parseResolvConf(`# written by the cluster
nameserver 10.96.0.10
nameserver fd00::10 ; second
nameserver not-an-address
search default.svc.cluster.local svc.cluster.local.
options ndots:5 timeout:99 rotate attempts:3
`)
  expect(conf).toEqual({
    servers: [
      { host: '10.96.0.10', port: 53 },
      { host: 'fd00::10', port: 53 },
    ],
    search: ['default.svc.cluster.local', 'svc.cluster.local'],
    ndots: 5,
    timeoutMs: 30_000,
    attempts: 3,
  })
  expect(candidates('shop', conf)).toEqual(['shop.default.svc.cluster.local', 'shop.svc.cluster.local', 'shop'])
  expect(candidates('a.b.c.d.e.f', conf)[0]).toBe('a.b.c.d.e.f')
  expect(candidates('shop.', conf)).toEqual(['shop'])
  expect(parseResolvConf('')).toMatchObject({
    servers: [{ host: '127.0.0.1' }],
    ndots: 1,
    timeoutMs: 5_000,
    attempts: 2,
  })
})

import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../../wire/src/testing/seeded-random.ts'
import { bindRequest, readBindResponse } from './bind-message.ts'

const response = (hex: string) => readBindResponse(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

it('writes a bind', () => {
  expect(bindRequest(1, 'a', 'b').toString('hex')).toBe('300e0201016009020103040161800162')
  expect(bindRequest(0x80, '', '').subarray(0, 6).toString('hex')).toBe('300d02020080')
  const long = bindRequest(7, 'x'.repeat(300), 'p')
  expect(long.length).toBe(long.readUInt16BE(2) + 4)
})

it('reads results', () => {
  expect(response('300c 020101 6107 0a0100 0400 0400')).toEqual({ id: 1, code: 0 })
  expect(response('300e 02020100 6108 0a0131 0400 0401 78')).toEqual({ id: 256, code: 49 })
  expect(response('30840000000c 020101 6107 0a0100 0400 0400')).toEqual({ id: 1, code: 0 })
})

it('waits for the rest', () => {
  for (const part of ['', '30', '3084000000', '300c 0201']) expect(response(part)).toBe('more')
})

it.each([
  ['another tag', '310c 020101 6107 0a0100 0400 0400'],
  ['another operation', '300c 020101 6507 0a0100 0400 0400'],
  ['an indefinite length', '3080 020101 6107 0a0100 0400 0400 0000'],
  ['a length of 5 bytes', '308500 0000000c 020101 6107 0a0100'],
  ['a length beyond the limit', '3084ffffffff 0201'],
  ['an operation that leaves its message', '300c 020101 6120 0a0100 0400 0400'],
  ['an id that leaves its message', '3003 027f01'],
  ['no id', '3000'],
  ['no code', '3005 020101 6100'],
  ['a code of 5 bytes', '3010 020101 610b 0a050000000001 0400 0400'],
])('refuses %s', (_name, hex) => {
  expect(response(hex)).toBe('malformed')
})

it(`survives any bytes (seed ${fuzzSeed(5)})`, () => {
  const random = new SeededRandom(fuzzSeed(5))
  const good = Buffer.from('300c02010161070a010004000400', 'hex')
  for (let run = 0; run < fuzzRuns(20_000); run++) {
    const bytes = Buffer.from(good)
    for (let edit = 0; edit <= random.below(5); edit++) bytes[random.below(bytes.length)] = random.below(256)
    const result = readBindResponse(bytes.subarray(0, random.below(bytes.length + 1)))
    const known = typeof result === 'string' ? result.length > 0 : Number.isInteger(result.id + result.code)
    if (!known) expect.fail(bytes.toString('hex'))
  }
})

it(`writes what another implementation writes (seed ${fuzzSeed(6)})`, async () => {
  const { Client } = createRequire(import.meta.url)('ldapts') as typeof import('ldapts')
  const random = new SeededRandom(fuzzSeed(6))
  const sent: Buffer[] = []
  const { createServer } = await import('node:net')
  const server = createServer((socket) => {
    socket.once('data', (bytes) => {
      sent.push(bytes)
      socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  for (let run = 0; run < 20; run++) {
    const dn = `cn=${'äx,'.repeat(random.below(200))}`
    const password = 'p'.repeat(1 + random.below(300))
    const client = new Client({ url: `ldap://127.0.0.1:${port}` })
    await client.bind(dn, password).catch(() => undefined)
    void client.unbind().catch(() => undefined)
    const theirs = sent.at(-1) as Buffer
    // Lengths may be written with more bytes than needed: the contents have to be the same.
    expect(theirs.includes(Buffer.from(dn)) && theirs.includes(Buffer.from(password))).toBe(true)
    expect(requestOf(bindRequest(1, dn, password))).toEqual(requestOf(theirs))
  }
  await new Promise((resolve) => server.close(resolve))
})

/** Without the message's id, which is each client's own. */
const requestOf = (message: Buffer): unknown => (contents(message) as [number, unknown[]][])[0][1][1]

/** Tags and contents of all elements, without the lengths. */
function contents(bytes: Buffer): unknown[] {
  const found: unknown[] = []
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1]
    const digits = first < 0x80 ? 0 : first & 0x7f
    const start = at + 2 + digits
    const end = start + (digits === 0 ? first : bytes.readUIntBE(at + 2, digits))
    const inner = bytes.subarray(start, end)
    found.push([bytes[at], bytes[at] === 0x30 || bytes[at] === 0x60 ? contents(inner) : inner.toString('hex')])
    at = end
  }
  return found
}

import { describe, expect, it } from 'vitest'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { decode, encode, type Pair } from './testing/recording-sink.ts'

const plain = (...fields: [name: string, value: string][]): Pair[] =>
  fields.map(([name, value]) => [name, value, false])

/** An encoder and the decoder of its peer. */
function ends(maxTableSize?: number): Ends {
  const encoder = new HpackEncoder(maxTableSize)
  const decoder = new HpackDecoder(65_536)
  return {
    encoder,
    send(write) {
      const bytes = encode(encoder, write)
      return { bytes, hex: bytes.toString('hex'), fields: decode(decoder, bytes) }
    },
  }
}

interface Ends {
  readonly encoder: HpackEncoder
  readonly send: (write: (encoder: HpackEncoder) => void) => Sent
}

interface Sent {
  readonly bytes: Buffer
  readonly hex: string
  readonly fields: Pair[] | string
}

const LINES = 'Content-Type: application/grpc\r\nUser-Agent: grpc-node-js/1.12.2\r\nte: trailers\r\n'
const FIELDS = plain(['content-type', 'application/grpc'], ['user-agent', 'grpc-node-js/1.12.2'], ['te', 'trailers'])

describe('the encoder', () => {
  it('writes a field as a literal, then into the table, then as an index', () => {
    const { send } = ends()
    const blocks = [1, 2, 3, 4].map(() => send((encoder) => encoder.field(':path', '/a.b')))
    expect(blocks.map(({ fields }) => fields)).toEqual(Array(4).fill(plain([':path', '/a.b'])))
    expect(blocks.map(({ hex }) => hex)).toEqual(['0483606bc7', '4483606bc7', 'be', 'be'])
  })

  it('writes the lines of a head the same way, in lower case', () => {
    const { send } = ends()
    const blocks = Array.from({ length: 8 }, () => send((encoder) => encoder.block(LINES)))
    for (const { fields } of blocks) expect(fields).toEqual(FIELDS)
    expect(blocks.slice(2).map(({ hex }) => hex)).toEqual(Array(6).fill('c0bfbe'))
  })

  it('finds a field of the table in whatever form it comes', () => {
    const { send } = ends()
    for (let again = 0; again < 2; again++) send((encoder) => encoder.block(LINES))
    for (const lines of [
      LINES.toLowerCase(),
      LINES.toUpperCase().replaceAll(/(?<=: ).*/g, (value) => value.toLowerCase()),
      LINES.replaceAll(': ', ':'),
      LINES.replaceAll(': ', ': \t ').replaceAll('\r\n', ' \t\r\n'),
    ]) {
      expect(send((encoder) => encoder.block(lines))).toMatchObject({ fields: FIELDS, hex: 'c0bfbe' })
    }
    expect(send((encoder) => FIELDS.forEach(([name, value]) => encoder.field(name, value))).hex).toBe('c0bfbe')
  })

  it('finds them in another order, without some and with others between', () => {
    const { send } = ends()
    for (let again = 0; again < 4; again++) send((encoder) => encoder.block(LINES))
    const [type, agent, te] = LINES.split(/(?<=\n)/)
    for (let again = 0; again < 3; again++) {
      expect(send((encoder) => encoder.block(te + agent + type)).hex).toBe('bebfc0')
      expect(send((encoder) => encoder.block(type + te)).hex).toBe('c0be')
      const between = send((encoder) => encoder.block(`${type}date: ${again}\r\n${agent}date: x${again}\r\n${te}`))
      expect(between.hex).toMatch(/^c00f12.*bf0f12.*be$/)
      expect(between.fields).toHaveLength(5)
    }
  })

  it('takes whole fields of the static table and names of both', () => {
    const { send } = ends()
    const hex = (name: string, value: string): string => send((encoder) => encoder.field(name, value)).hex
    expect(hex(':method', 'POST')).toBe('83')
    expect(hex('accept-encoding', 'gzip, deflate')).toBe('90')
    expect(hex('accept', '')).toBe('93')
    expect(hex('accept', '!')).toBe('0f040121')
    for (let again = 0; again < 2; again++) hex('x-y', 'z')
    expect(hex('x-y', '!')).toBe('0f2f0121')
    expect(send((encoder) => encoder.block('Accept-Encoding: gzip, deflate\r\nAccept:\r\n')).hex).toBe('9093')
  })

  it('takes Huffman code only where it is shorter', () => {
    const { send } = ends()
    for (const value of [
      '',
      '!',
      '~~~~',
      '{}',
      'ab',
      '\x80\xff',
      'www.example.com',
      'a'.repeat(300),
      '<'.repeat(300),
    ]) {
      const { bytes, fields } = send((encoder) => encoder.field('x', value))
      expect(fields).toEqual(plain(['x', value]))
      expect(bytes.length).toBeLessThanOrEqual(4 + value.length + (value.length > 126 ? 2 : 0))
    }
  })

  it('does not let fields that are always different drive out others', () => {
    const { send } = ends()
    for (let at = 0; at < 1000; at++) {
      const block = send((encoder) => {
        encoder.field(':path', `/items/${at}`)
        encoder.block(`${LINES}x-request-id: ${at}\r\n`)
      })
      if (at > 1) expect(block.hex).toMatch(/c0bfbe/)
    }
  })

  it('keeps large fields out of the table', () => {
    const { send } = ends()
    for (let again = 0; again < 4; again++) {
      expect(send((encoder) => encoder.field('x', '!'.repeat(1024 - 33))).bytes.length).toBe([997, 997, 1, 1][again])
      expect(send((encoder) => encoder.field('y', '!'.repeat(1024 - 32))).bytes.length).toBe(998)
    }
  })

  it('never indexes secret fields, nor those that it is told of', () => {
    const { send } = ends()
    for (let again = 0; again < 5; again++) {
      const { fields } = send((encoder) => {
        encoder.field('authorization', 'a')
        encoder.field('x-key', 'k', true)
        encoder.field(':path', '/', true)
        encoder.block('Cookie: b\r\nSet-Cookie: c\r\nProxy-Authorization: d\r\n')
      })
      expect(fields).toEqual([
        ['authorization', 'a', true],
        ['x-key', 'k', true],
        [':path', '/', true],
        ['cookie', 'b', true],
        ['set-cookie', 'c', true],
        ['proxy-authorization', 'd', true],
      ])
    }
  })

  it('does not take an index for a field that is to be never indexed', () => {
    const { send } = ends()
    for (let again = 0; again < 3; again++) send((encoder) => encoder.field('x', '1'))
    expect(send((encoder) => encoder.field('x', '1', true)).fields).toEqual([['x', '1', true]])
    expect(send((encoder) => encoder.field('x', '1')).hex).toBe('be')
  })

  it('leaves out the lines whose names it is told, and only with that set', () => {
    const { send } = ends()
    const skip = new Set(['user-agent', 'host'])
    const rest = [FIELDS[0], FIELDS[2]]
    for (let again = 0; again < 4; again++) {
      expect(send((encoder) => encoder.block(LINES, skip)).fields).toEqual(rest)
      expect(send((encoder) => encoder.block(LINES)).fields).toEqual(FIELDS)
      expect(send((encoder) => encoder.block(LINES.toUpperCase(), skip)).fields).toHaveLength(2)
      expect(send((encoder) => encoder.block(LINES, new Set(['te']))).fields).toEqual(FIELDS.slice(0, 2))
    }
    expect(send((encoder) => encoder.block('Host: a\r\n', skip)).bytes.length).toBe(0)
  })

  it('writes no lines for no lines', () => {
    expect(ends().send((encoder) => encoder.block('')).bytes.length).toBe(0)
  })

  it('forgets the bytes of a head when the table changes', () => {
    const { send } = ends(400)
    for (let at = 0; at < 40; at++) {
      expect(send((encoder) => encoder.block(LINES)).fields).toEqual(FIELDS)
      const value = `value-${at >> 2}`
      expect(send((encoder) => encoder.field('x', value)).fields).toEqual(plain(['x', value]))
    }
  })

  it('writes heads that are larger than its buffers', () => {
    const { send } = ends()
    const lines = Array.from({ length: 3000 }, (_, at) => `Name-${at}: ${'value'.repeat(at % 7)}\r\n`).join('')
    const { fields } = send((encoder) => encoder.block(lines))
    expect(fields).toHaveLength(3000)
    expect(fields[2999]).toEqual(['name-2999', 'value'.repeat(2999 % 7), false])
    const long = '~'.repeat(100_000)
    expect(send((encoder) => encoder.field('x', long)).fields).toEqual(plain(['x', long]))
  })
})

describe('the size of the encoder’s table', () => {
  const ask = (encoder: HpackEncoder): void => encoder.field(':method', 'GET')

  it('is that of the protocol when nothing else is said', () => {
    const { encoder, send } = ends()
    encoder.setPeerTableSize(4096)
    encoder.setPeerTableSize(1 << 30)
    expect(send(ask).hex).toBe('82')
  })

  it('is announced when we want less, or the peer offers less or more', () => {
    expect(ends(100).send(ask).hex).toBe('3f4582')
    const { encoder, send } = ends(5000)
    expect(send(ask).hex).toBe('82')
    encoder.setPeerTableSize(10)
    expect([send(ask).hex, send(ask).hex]).toEqual(['2a82', '82'])
    encoder.setPeerTableSize(70_000)
    expect([send(ask).hex, send(ask).hex]).toEqual(['3fe92682', '82'])
  })

  it('is announced as least and last when it fell and rose between two blocks (RFC 7541 section 4.2)', () => {
    const { encoder, send } = ends()
    for (let again = 0; again < 3; again++) send((one) => one.field('x', '1'))
    encoder.setPeerTableSize(20)
    encoder.setPeerTableSize(0)
    encoder.setPeerTableSize(4096)
    const { hex, fields } = send((one) => one.field('x', '1'))
    expect(hex.startsWith('203fe11f')).toBe(true)
    expect(fields).toEqual(plain(['x', '1']))
  })

  it('keeps what still fits', () => {
    const { encoder, send } = ends()
    for (const value of ['1', '2']) for (let again = 0; again < 2; again++) send((one) => one.field('x', value))
    encoder.setPeerTableSize(40)
    expect(send((one) => one.field('x', '2')).hex).toBe('3f09be')
    encoder.setPeerTableSize(0)
    for (let again = 0; again < 4; again++) expect(send((one) => one.block(LINES)).fields).toEqual(FIELDS)
  })
})

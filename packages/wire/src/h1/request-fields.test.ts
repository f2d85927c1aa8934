import { describe, expect, it } from 'vitest'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { parseRequestHead, RequestHead } from './request-head.ts'
import { Refusal } from '../streams/refusal.ts'

const parse = (lines: readonly string[], limits: Partial<H1Limits> = {}): RequestHead | Refusal => {
  const text = `GET / HTTP/1.1\r\n${['Host: a', ...lines].map((one) => `${one}\r\n`).join('')}\r\n`
  return parseRequestHead(text, 0, text.length, { ...DEFAULT_H1_LIMITS, ...limits })
}

function accepted(...lines: string[]): RequestHead {
  const head = parse(lines)
  if (head instanceof Refusal) throw new Error(head.code)
  return head
}

const refused = (...lines: string[]): string => {
  const head = parse(lines)
  return head instanceof Refusal ? head.code : 'accepted'
}

describe('the bytes of a field', () => {
  it.each([
    ['A : 1', 'SPACE_BEFORE_COLON'],
    ['A\t: 1', 'SPACE_BEFORE_COLON'],
    ['Content-Length : 5', 'SPACE_BEFORE_COLON'],
    [' A: 1', 'OBS_FOLD'],
    ['\tA: 1', 'OBS_FOLD'],
    [' ', 'OBS_FOLD'],
    ['A', 'BARE_LINE_END'],
    [': 1', 'HEADER_NAME'],
    ['A(B): 1', 'HEADER_NAME'],
    ['A\0: 1', 'HEADER_NAME'],
    ['Ä: 1', 'HEADER_NAME'],
    ['"A": 1', 'HEADER_NAME'],
    ['A: \0', 'HEADER_VALUE'],
    ['A: a\x0bb', 'HEADER_VALUE'],
    ['A: a\x0cb', 'HEADER_VALUE'],
    ['A: \x7f', 'HEADER_VALUE'],
    ['A: \x1b[31m', 'HEADER_VALUE'],
    ['A: 1\nB: 2', 'BARE_LINE_END'],
    ['A: 1\rB: 2', 'BARE_LINE_END'],
    ['A: 1\r', 'BARE_LINE_END'],
    ['\nA: 1', 'BARE_LINE_END'],
    ['\rA: 1', 'BARE_LINE_END'],
    ['A\n: 1', 'BARE_LINE_END'],
  ])('%j is %s', (field, code) => {
    expect(refused(field)).toBe(code)
  })

  it.each(['A:', 'A: ', 'A:\t', 'A::', 'A: \t b \t c\t', 'A: \x80\xff', "!#$%&'*+-.^_`|~09az: 1"])(
    '%j is fine',
    (field) => {
      expect(refused(field)).toBe('accepted')
    },
  )

  it('are 128 fields at most', () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `A${at}: 1`)
    expect(refused(...many(127))).toBe('accepted')
    expect(refused(...many(128))).toBe('TOO_MANY_HEADERS')
  })

  it('names longer than any that is known do no harm', () => {
    expect(refused(`${'x'.repeat(30_000)}: 1`)).toBe('accepted')
    const long = `${'h'.repeat(40_000)}: 1`
    expect(parse([long], { maxHeadBytes: 100_000 })).toBeInstanceOf(RequestHead)
  })
})

describe('Connection', () => {
  it.each([
    [[], true, false],
    [['Connection: keep-alive'], true, false],
    [['Connection: Keep-Alive'], true, false],
    [['Connection: keep-alive', 'Connection: keep-alive'], true, true],
    [['Connection: KEEP-ALIVE'], true, true],
    [['Connection: close'], false, true],
    [['connection: CLOSE'], false, true],
    [['Connection: keep-alive, close'], false, true],
    [['Connection: keep-alive', 'Connection: close'], false, true],
    [['Connection: x-mine'], true, true],
    [['Connection: closed'], true, true],
    [['Connection: close\xa0'], true, true],
    [['Connection: \xa0close, \tclose\t'], false, true],
    [['Connection: ,, close ,'], false, true],
    [['Keep-Alive: timeout=5'], true, true],
    [['Proxy-Connection: close'], true, true],
    [['TE: trailers'], true, true],
  ])('%j: keep-alive %s, hop-by-hop %s', (lines, keepAlive, hopByHop) => {
    expect(accepted(...lines)).toMatchObject({ keepAlive, hopByHop })
  })

  it('offers an upgrade only together with Upgrade', () => {
    expect(accepted('Connection: Upgrade', 'Upgrade: websocket')).toMatchObject({ upgrade: true, hopByHop: true })
    expect(accepted('Upgrade: websocket', 'Connection: keep-alive, upgrade').upgrade).toBe(true)
    expect(accepted('Upgrade: websocket')).toMatchObject({ upgrade: false, hopByHop: true })
    expect(accepted('Connection: upgrade')).toMatchObject({ upgrade: false, hopByHop: true })
    expect(accepted('Connection: upgrade', 'Upgrade: a', 'Content-Length: 0').upgrade).toBe(true)
    expect(accepted('Connection: upgrade', 'Upgrade: a', 'Content-Length: 1').upgrade).toBe(false)
  })
})

describe('Expect', () => {
  it('knows 100-continue', () => {
    expect(accepted('Expect: 100-continue').expectContinue).toBe(true)
    expect(accepted('expect: 100-Continue ').expectContinue).toBe(true)
    expect(accepted().expectContinue).toBe(false)
  })

  it.each(['', '100', '100-continue, x', '200-ok'])('refuses %j', (value) => {
    expect(refused(`Expect: ${value}`)).toBe('EXPECTATION')
  })
})

it('a head leaves nothing behind for the next one', () => {
  accepted('Connection: close, upgrade', 'Upgrade: a', 'Expect: 100-continue', 'Content-Length: 0')
  const text = 'GET / HTTP/1.0\r\n\r\n'
  const head = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  expect(head).toMatchObject({ host: '', upgrade: false, expectContinue: false, hopByHop: false, bodyLength: 0 })
  refused('Transfer-Encoding: chunked', 'Content-Length: 5')
  expect(accepted().bodyLength).toBe(0)
})

import { describe, expect, it } from 'vitest'
import { Headers, maskBitOf } from './headers.ts'

const BLOCK = 'Host: a\r\nX-One:1\r\nx-two: \t 2 \t\r\nX-ONE:  3\r\nEmpty:\r\n'

describe('reading', () => {
  const headers = new Headers(BLOCK)

  it('finds a field whatever the case, without the white space around its value', () => {
    expect(headers.get('HOST')).toBe('a')
    expect(headers.get('X-Two')).toBe('2')
    expect(headers.get('empty')).toBe('')
    expect(headers.get('x-three')).toBeUndefined()
    expect([headers.has('x-one'), headers.has('x-three')]).toEqual([true, false])
  })

  it('joins fields of one name, or gives each', () => {
    expect(headers.get('x-one')).toBe('1, 3')
    expect(headers.getAll('x-one')).toEqual(['1', '3'])
    expect(headers.getAll('x-three')).toEqual([])
  })

  it('lists the fields in order, in the case they came in', () => {
    expect([...headers]).toEqual([
      ['Host', 'a'],
      ['X-One', '1'],
      ['x-two', '2'],
      ['X-ONE', '3'],
      ['Empty', ''],
    ])
    expect(headers.size).toBe(5)
  })

  it('leaves the text as it came', () => {
    expect(headers.block).toBe(BLOCK)
    expect(new Headers().block).toBe('')
    expect(new Headers().size).toBe(0)
  })
})

describe('editing', () => {
  it('set replaces every field of that name and leaves the others byte for byte', () => {
    const headers = new Headers(BLOCK)
    headers.set('X-one', 'new')
    expect(headers.block).toBe('Host: a\r\nx-two: \t 2 \t\r\nEmpty:\r\nX-one: new\r\n')
    headers.set('x-two', ['a', 'b'])
    expect(headers.block).toBe('Host: a\r\nEmpty:\r\nX-one: new\r\nx-two: a\r\nx-two: b\r\n')
    expect(headers.getAll('X-TWO')).toEqual(['a', 'b'])
  })

  it('delete says whether there was one', () => {
    const headers = new Headers(BLOCK)
    expect([headers.delete('x-one'), headers.delete('x-one'), headers.delete('x-none')]).toEqual([true, false, false])
    expect(headers.block).toBe('Host: a\r\nx-two: \t 2 \t\r\nEmpty:\r\n')
    expect([...headers.entries()].map(([name]) => name)).toEqual(['Host', 'x-two', 'Empty'])
  })

  it('append works before and after something was looked up', () => {
    const headers = new Headers(BLOCK)
    headers.append('New-Name', 'n')
    expect(headers.get('new-name')).toBe('n')
    headers.append('Newer', 'm')
    expect(headers.get('newer')).toBe('m')
    expect(headers.get('empty')).toBe('')
    expect(headers.block).toBe(`${BLOCK}New-Name: n\r\nNewer: m\r\n`)
  })

  it('lines appended at once are found, wherever the index stood', () => {
    for (const lookedUp of [false, true]) {
      const headers = new Headers(BLOCK)
      if (lookedUp) expect(headers.get('host')).toBe('a')
      headers.appendLines('Via: 1.1 a\r\nX-Via: b\r\n', ['Via', 'X-Via', 'Absent'])
      expect([headers.get('via'), headers.get('x-via'), headers.get('absent'), headers.get('host')]).toEqual([
        '1.1 a',
        'b',
        undefined,
        'a',
      ])
      expect(headers.block).toBe(`${BLOCK}Via: 1.1 a\r\nX-Via: b\r\n`)
    }
  })

  it('a clone goes its own way', () => {
    const headers = new Headers(BLOCK)
    const copy = headers.clone()
    copy.set('Host', 'b')
    copy.delete('x-two')
    expect(headers.block).toBe(BLOCK)
    expect(copy.get('host')).toBe('b')
  })

  it('is the same as a plain list of fields, whatever is done in whatever order', () => {
    const names = ['A', 'a', 'Bb', 'CC', 'x-long-name', 'X-Long-Name']
    let list: [string, string][] = []
    const headers = new Headers()
    for (let step = 0; step < 2_000; step++) {
      const name = names[(step * 7 + (step >> 3)) % names.length]
      const same = ([other]: [string, string]): boolean => other.toLowerCase() === name.toLowerCase()
      if (step % 5 === 0) {
        headers.set(name, `s${step}`)
        list = [...list.filter((each) => !same(each)), [name, `s${step}`]]
      } else if (step % 5 === 3) {
        expect(headers.delete(name)).toBe(list.some(same))
        list = list.filter((each) => !same(each))
      } else {
        headers.append(name, `a${step}`)
        list.push([name, `a${step}`])
      }
      expect(headers.getAll(name)).toEqual(list.filter(same).map(([, value]) => value))
      if (step % 50 === 0) expect([...headers]).toEqual(list)
    }
    expect(headers.block).toBe(list.map(([name, value]) => `${name}: ${value}\r\n`).join(''))
  })
})

describe('what would break the framing', () => {
  it.each(['', 'a b', 'a:', 'a\r\nb', 'ä', 'a\0', '\u010a'])('%j is no name', (name) => {
    expect(() => new Headers().append(name, 'x')).toThrow(TypeError)
    expect(() => Headers.from({ [name]: 'x' })).toThrow(/not a header name/)
  })

  it.each(['a\r\nX: y', 'a\n', '\r', '\0', 'a\x7f', '\x1b[0m'])('%j is no value', (value) => {
    expect(() => new Headers().set('X', value)).toThrow(/control character/)
    expect(() => Headers.from([['X', value]])).toThrow(TypeError)
  })

  it('text beyond latin1 leaves as UTF-8, and never as a line end', () => {
    const headers = Headers.from({ X: '\u010a\u010dS: 1', Y: 'é', Z: '\tok' })
    expect(headers.block).toBe('X: Ä\x8aÄ\x8dS: 1\r\nY: é\r\nZ: \tok\r\n')
    expect(Buffer.from(headers.getAll('X')[0], 'latin1').toString('utf8')).toBe('\u010a\u010dS: 1')
  })

  it('a refused value leaves the fields unharmed', () => {
    const headers = Headers.from({ A: '1', B: ['2', '3'] })
    expect(() => headers.append('C', '\n')).toThrow()
    expect(headers.block).toBe('A: 1\r\nB: 2\r\nB: 3\r\n')
  })
})

describe('the mask', () => {
  it('never hides a field that is there', () => {
    const all = Array.from(
      { length: 300 },
      (_, at) => `${String.fromCharCode(97 + (at % 26))}${'x'.repeat(at % 40)}${at}`,
    )
    for (const name of all) {
      const parsed = new Headers(
        `${name.toUpperCase()}: 1\r\n`,
        maskBitOf(name.length, name.toUpperCase().charCodeAt(0)),
      )
      expect(parsed.get(name)).toBe('1')
      const made = new Headers()
      made.append(name, '1')
      expect(made.has(name.toUpperCase())).toBe(true)
    }
  })

  it('spares the index where its bit is not set', () => {
    expect(new Headers('A: 1\r\n', 0).has('A')).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import { HpackDecoder } from './decoder.ts'
import { HOST, PATH } from './field.ts'
import { decode, fromHex, RecordingSink } from './testing/recording-sink.ts'

/** `x: VALUE` with incremental indexing, both as they are. */
const insert = (value: string): Buffer =>
  Buffer.concat([fromHex('40 01 78'), Buffer.of(value.length), Buffer.from(value, 'latin1')])

const CUT_SHORT = 'a block that is cut short'
const TOO_LONG = 'an integer of more than 28 bits'
const LATE_UPDATE = 'a table size update behind the beginning of a block, or a third one'
const NOT_HUFFMAN = 'a string that is not in Huffman code'

describe('the decoder refuses', () => {
  it.each([
    ['index 0', '80', 'index 0, where the tables have no entry'],
    ['an index behind the static table', 'be', 'index 62, where the tables have no entry'],
    ['a large index', 'ff 80 80 01', 'index 16511, where the tables have no entry'],
    ['a name behind the static table', '7e 01 61', 'index 62, where the tables have no entry'],
    ['a name of a large index, not indexed', '0f ff 01 01 61', 'index 270, where the tables have no entry'],
    ['an index that is cut short', 'ff', CUT_SHORT],
    ['an index that is cut short later', 'ff 80 80', CUT_SHORT],
    ['an index of five more bytes', 'ff 80 80 80 80 00', TOO_LONG],
    ['an endless index', 'ff ff ff ff ff ff ff ff ff ff ff ff ff', TOO_LONG],
    ['an index that would wrap at 2^32', 'ff 83 ff ff ff 0f', TOO_LONG],
    ['a name index that would wrap', '7f ff ff ff ff ff 01 61', TOO_LONG],
    ['a literal without a name', '40', CUT_SHORT],
    ['a name that is cut short', '40 02 61', CUT_SHORT],
    ['a literal without a value', '40 01 61', CUT_SHORT],
    ['a value that is cut short', '40 01 61 02 62', CUT_SHORT],
    ['a value of an indexed name that is cut short', '44 05 2f 61', CUT_SHORT],
    ['a value whose length is cut short', '44 7f', CUT_SHORT],
    ['a value whose length would wrap', '44 7f ff ff ff ff 7f', TOO_LONG],
    ['a name whose length is as large as can be', '00 7f ff ff ff 7f', CUT_SHORT],
    ['a value with EOS in it', '44 84 ff ff ff ff', NOT_HUFFMAN],
    ['a value with a byte of padding', '44 82 1f ff', NOT_HUFFMAN],
    ['a value padded with zeros', '44 81 00', NOT_HUFFMAN],
    ['a name padded with zeros', '40 81 00 01 61', NOT_HUFFMAN],
    ['a never indexed value padded with zeros', '14 81 00', NOT_HUFFMAN],
    ['a table above its maximum', '3f e2 1f', 'a table of 4097 bytes, more than the 4096 that were offered'],
    ['a table size that is cut short', '3f e2', CUT_SHORT],
    ['a table size that would wrap', '3f ff ff ff ff 7f', TOO_LONG],
    ['a table size update behind a field', '82 20', LATE_UPDATE],
    ['a table size update at the end, behind another', '20 82 20', LATE_UPDATE],
    ['three table size updates', '20 30 20', LATE_UPDATE],
  ])('%s', (_, hex, error) => {
    expect(decode(new HpackDecoder(), hex)).toBe(error)
  })

  it('what was evicted', () => {
    const decoder = new HpackDecoder(100)
    decode(decoder, Buffer.concat(['a', 'b', 'c'].map((one) => insert(one.repeat(10)))))
    expect(decode(decoder, 'be bf')).toEqual(['c', 'b'].map((one) => ['x', one.repeat(10), false]))
    expect(decode(decoder, 'c0')).toMatch(/no entry/)
  })

  it('a block without an update when the table has to become smaller', () => {
    const decoder = new HpackDecoder()
    decode(decoder, insert('1'))
    decoder.setMaxTableSize(30)
    expect(decode(decoder, '')).toEqual([])
    expect(decode(decoder, '82')).toBe('no table size update, though less was offered than is in use')
  })
})

describe('the decoder', () => {
  it('takes a table size update by which all is forgotten, and two', () => {
    const decoder = new HpackDecoder()
    decode(decoder, insert('1'))
    expect(decode(decoder, '3f e1 1f be')).toEqual([['x', '1', false]])
    expect(decode(decoder, '20 3f e1 1f 82')).toEqual([[':method', 'GET', false]])
    expect(decode(decoder, 'be')).toMatch(/no entry/)
  })

  it('takes blocks again after an update that was due', () => {
    const decoder = new HpackDecoder()
    decode(decoder, insert('1'))
    decoder.setMaxTableSize(64)
    expect(decode(decoder, '3f 21 be')).toEqual([['x', '1', false]])
    expect(decode(decoder, '82 be')).toHaveLength(2)
    expect(decode(decoder, '3f 22')).toMatch(/more than the 64/)
  })

  it('begins with 4096 bytes though more are offered, and lets the peer take them', () => {
    const decoder = new HpackDecoder(10_000)
    const large = Buffer.concat([fromHex('40 01 78 7f 81 1f'), Buffer.alloc(4096)])
    expect(decode(decoder, large)).toHaveLength(1)
    expect(decode(decoder, 'be')).toMatch(/no entry/)
    expect(decode(decoder, Buffer.concat([fromHex('3f f1 4d'), large]))).toHaveLength(1)
    expect(decode(decoder, 'be')).toHaveLength(1)
  })

  it('keeps nothing in a table of no bytes', () => {
    const decoder = new HpackDecoder(0)
    expect(decode(decoder, insert('1'))).toEqual([['x', '1', false]])
    expect(decode(decoder, 'be')).toMatch(/no entry/)
  })

  it('hands out the very field of the table', () => {
    const decoder = new HpackDecoder()
    const sink = new RecordingSink()
    const block = Buffer.concat([insert('1'), fromHex('be 84 be 84')])
    expect(decoder.decode(block, 0, block.length, sink)).toBeUndefined()
    const [x, again, path, third, other] = sink.fields
    expect([again === x, third === x, other === path, path.kind]).toEqual([true, true, true, PATH])
  })

  it('says which fields are never indexed, also when they came in another form before', () => {
    const decoder = new HpackDecoder()
    for (let again = 0; again < 4; again++) {
      expect(decode(decoder, '04 01 61 14 01 61 04 01 61')).toEqual([
        [':path', 'a', false],
        [':path', 'a', true],
        [':path', 'a', false],
      ])
    }
  })

  it('knows literals that come again by their bytes, but not by their value alone', () => {
    const decoder = new HpackDecoder()
    for (let again = 0; again < 4; again++) {
      expect(decode(decoder, '04 03 2f 6d 65 06 03 2f 6d 65 00 01 78 03 2f 6d 65')).toEqual([
        [':path', '/me', false],
        [':scheme', '/me', false],
        ['x', '/me', false],
      ])
    }
    const sinks = [new RecordingSink(), new RecordingSink()]
    for (const sink of sinks) {
      const block = fromHex('04 03 2f 6d 65')
      new HpackDecoder().decode(block, 0, block.length, sink)
    }
    expect(sinks[0].fields[0]).toBe(sinks[1].fields[0])
  })

  it('indexes a literal that it knows from before', () => {
    const decoder = new HpackDecoder()
    const host = '66 04 61 2e 65 78'
    for (let again = 0; again < 4; again++) decode(decoder, host)
    const sink = new RecordingSink()
    expect(decoder.decode(fromHex('be bf c0 c1'), 0, 4, sink)).toBeUndefined()
    expect(sink.fields.map((field) => [field.kind, field.value])).toEqual(Array(4).fill([HOST, 'a.ex']))
  })

  it('takes a name from an entry that the new one drives out', () => {
    const decoder = new HpackDecoder(64)
    decode(decoder, insert('1'))
    expect(decode(decoder, '7e 02 32 33 be')).toEqual([
      ['x', '23', false],
      ['x', '23', false],
    ])
  })

  it('takes strings of length 0, and integers longer than they need to be', () => {
    expect(decode(new HpackDecoder(), '00 01 61 00 04 80 00 00 00')).toEqual([
      ['a', '', false],
      [':path', '', false],
      ['', '', false],
    ])
    expect(decode(new HpackDecoder(), '0f 80 80 00 01 61')).toEqual([['accept-charset', 'a', false]])
  })

  it('keeps nothing of secret literals for other connections', () => {
    const block = fromHex('0f 08 03 61 3a 62')
    const fields = [1, 2, 3, 4].map(() => {
      const sink = new RecordingSink()
      new HpackDecoder().decode(block, 0, block.length, sink)
      return sink.fields[0]
    })
    expect(fields[3]).toMatchObject({ name: 'authorization', value: 'a:b' })
    expect(new Set(fields).size).toBe(4)
  })
})

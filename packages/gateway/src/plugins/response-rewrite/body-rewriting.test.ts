import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { BodyFilters } from './body-filters.ts'
import { FilteredBody, ReplacedBody } from './body-rewriting.ts'
import { contentDecoder } from '../compression/content-decoding.ts'

const filters = new BodyFilters([{ regex: '[aé]', replace: 'X', scope: 'global', options: 'jo' }])

function filtered(maxBytes: number, encoding?: string) {
  const onTooLarge = vi.fn<() => void>()
  const decoder = contentDecoder(encoding)
  if (decoder === undefined) throw new Error('no such encoding')
  const body = new FilteredBody({ filters, maxBytes, decoder, onTooLarge })
  return {
    onTooLarge,
    /** What leaves for each piece; the last one ends the body. */
    send: (...pieces: (string | Uint8Array)[]): string[] =>
      pieces.map((piece, index) => {
        const chunk = Buffer.from(piece as string)
        const out = Buffer.from(body.filter(chunk, index === pieces.length - 1) ?? chunk)
        // What is kept of a chunk must be a copy.
        chunk.fill(0)
        return out.toString('utf8')
      }),
  }
}

describe('FilteredBody', () => {
  it('holds a body back until its end', () => {
    expect(filtered(100).send('ab', 'a', '')).toEqual(['', '', 'XbX'])
    expect(filtered(100).send('aba')).toEqual(['XbX'])
    expect(filtered(100).send('')).toEqual([''])
  })

  it('takes a body of just the largest size', () => {
    const { send, onTooLarge } = filtered(4)
    expect(send('aa', 'aa', '')).toEqual(['', '', 'XXXX'])
    expect(onTooLarge).not.toHaveBeenCalled()
  })

  it('filters what fits of a larger one, and tells so once', () => {
    const { send, onTooLarge } = filtered(4)
    expect(send('aa', 'aaa', 'aa', '')).toEqual(['', 'XXXXa', 'aa', ''])
    expect(onTooLarge).toHaveBeenCalledTimes(1)
  })

  it('does not cut a character at the limit', () => {
    expect(filtered(4).send('aaaéé', '')).toEqual(['XXXéé', ''])
    expect(filtered(5).send('aaaéé', '')).toEqual(['XXXXé', ''])
    // Not UTF-8 anyway: four continuation bytes.
    expect(filtered(1).send(Buffer.from([0x61, 0x80, 0x80, 0x80, 0x80]))).toEqual(['X����'])
  })

  it('decompresses', () => {
    const bytes = gzipSync('aba')
    expect(filtered(100, 'gzip').send(bytes.subarray(0, 10), bytes.subarray(10), '')).toEqual(['', '', 'XbX'])
    expect(filtered(100, 'gzip').send('')).toEqual([''])
  })

  it('breaks off where nothing right can be sent', () => {
    const large = gzipSync(Buffer.alloc(101, 'a'))
    expect(() => filtered(100, 'gzip').send(large)).toThrow(
      'larger than max_resp_body_size (100 bytes) when it is decompressed',
    )
    expect(() => filtered(10, 'gzip').send(large.subarray(0, 6), large.subarray(6))).toThrow(
      'cannot be filtered in part',
    )
    expect(() => filtered(100, 'gzip').send('not gzip')).toThrow('a compressed body is damaged')
  })
})

describe('ReplacedBody', () => {
  it('sends its own at the end, and nothing before', () => {
    const body = new ReplacedBody(Buffer.from('new'))
    expect(body.filter(Buffer.from('old'), false)).toHaveLength(0)
    expect(Buffer.from(body.filter(Buffer.from('old'), true)).toString()).toBe('new')
  })
})

import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { contentDecoder } from './content-decoding.ts'

const TEXT = Buffer.from('hello '.repeat(100))

describe('contentDecoder', () => {
  it.each([
    ['gzip', gzipSync(TEXT)],
    ['X-GZip', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['identity, gzip', gzipSync(TEXT)],
    ['gzip, br', brotliCompressSync(gzipSync(TEXT))],
  ])('%s', (field, bytes) => {
    expect(contentDecoder(field)?.(bytes, 600)).toEqual(TEXT)
  })

  it.each(['gzip', 'br'])('does not let a small body become a large one (%s)', (field) => {
    const bomb = Buffer.alloc(1_000_000)
    const bytes = field === 'gzip' ? gzipSync(bomb) : brotliCompressSync(bomb)
    expect(() => contentDecoder(field)?.(bytes, 999_999)).toThrow(
      expect.objectContaining({ code: 'ERR_BUFFER_TOO_LARGE' }) as Error,
    )
  })

  it('throws for what is damaged or cut', () => {
    expect(() => contentDecoder('gzip')?.(TEXT, 600)).toThrow()
    expect(() => contentDecoder('gzip')?.(gzipSync(TEXT).subarray(0, -9), 600)).toThrow()
    expect(() => contentDecoder('deflate')?.(Buffer.from([0xff]), 600)).toThrow()
  })

  it('knows what needs no decoding, and what it cannot decode', () => {
    expect(contentDecoder(undefined)).toBeNull()
    expect(contentDecoder('identity')).toBeNull()
    expect(contentDecoder('')).toBeNull()
    expect(contentDecoder('zstd')).toBeUndefined()
    expect(contentDecoder('gzip, aes128gcm')).toBeUndefined()
    expect(contentDecoder('gzip, gzip, gzip')).toBeUndefined()
  })
})

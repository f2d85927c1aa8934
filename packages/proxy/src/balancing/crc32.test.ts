import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CRC32_START, crc32End, crc32Text, crc32Uint32 } from './crc32.ts'

it('is the check value of CRC-32', () => {
  expect(crc32End(crc32Text(CRC32_START, '123456789'))).toBe(0xcbf43926)
})

it("equals zlib's, for any bytes in any pieces", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), fc.nat(2 ** 32 - 1), (bytes, cut, number) => {
      const text = Buffer.from(bytes).toString('latin1')
      const tail = Buffer.alloc(4)
      tail.writeUInt32LE(number)
      const pieces = crc32Text(crc32Text(CRC32_START, text.slice(0, cut)), text.slice(cut))
      expect(crc32End(crc32Uint32(pieces, number))).toBe(crc32(Buffer.concat([bytes, tail])))
    }),
    { seed: 1 },
  )
})

it('takes a character above U+00FF as two bytes', () => {
  expect(crc32End(crc32Text(CRC32_START, 'a\u6771'))).toBe(crc32(Buffer.from([0x61, 0x67, 0x71])))
})

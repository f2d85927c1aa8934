import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAddress } from './parse-address.ts'

const words = new Int32Array(4)

/** The groups of an address as hexadecimal text, or undefined. */
function groups(text: string): string | undefined {
  const family = parseAddress(text, words)
  if (family === 0) return undefined
  return [...words.subarray(0, family === 4 ? 1 : 4)]
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join(' ')
}

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['192.168.1.20', 'c0a80114'],
    ['::', '00000000 00000000 00000000 00000000'],
    ['::1', '00000000 00000000 00000000 00000001'],
    ['1::', '00010000 00000000 00000000 00000000'],
    ['2001:db8::8:800:200c:417a', '20010db8 00000000 00080800 200c417a'],
    ['2001:DB8:0:0:8:800:200C:417A', '20010db8 00000000 00080800 200c417a'],
    ['1:2:3:4:5:6:7::', '00010002 00030004 00050006 00070000'],
    ['64:ff9b::192.0.2.33', '0064ff9b 00000000 00000000 c0000221'],
    ['fe80::1%eth0', 'fe800000 00000000 00000000 00000001'],
    ['::ffff:1.2.3.4', '01020304'],
    ['::ffff:102:304', '01020304'],
  ])('reads %s', (text, expected) => {
    expect(groups(text)).toBe(expected)
  })

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4/8',
    ':',
    ':::',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    'fe80::1%',
    '[::1]',
  ])('refuses %j', (text) => {
    expect(parseAddress(text, words)).toBe(0)
  })

  it('agrees with net.isIP on any text of address characters', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc
        .array(fc.constantFrom('0', '1', 'a', 'ffff', '255', '25', ':', '::', '.', '1.2.3.4'), { maxLength: 14 })
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (address) => {
        // The family differs only where a mapped address is read as the IPv4 address that it is.
        expect(parseAddress(address, words) !== 0).toBe(isIP(address) !== 0)
      }),
      { seed: 41, numRuns: 3000 },
    )
  })
})

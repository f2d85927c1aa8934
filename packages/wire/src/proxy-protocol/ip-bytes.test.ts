import { describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../testing/seeded-random.ts'
import { ipBytes, ipText } from './ip-bytes.ts'

const canonical = (text: string): string | undefined => {
  const bytes = ipBytes(text)
  return bytes === undefined ? undefined : ipText(bytes)
}

describe('an IP address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', undefined],
    ['192.0.2', undefined],
    ['192.0.2.01', undefined],
    ['/run/a.sock', undefined],
    ['', undefined],
  ])('%j is %j', (text, wanted) => {
    expect(canonical(text)).toBe(wanted)
  })

  it('has the text that URL gives it', () => {
    const random = new SeededRandom(fuzzSeed(3))
    for (let run = 0; run < fuzzRuns(5_000); run++) {
      const bytes = Buffer.from(Array.from({ length: 16 }, () => (random.chance(0.6) ? 0 : random.below(256))))
      if (bytes.indexOf('00000000000000000000ffff', 0, 'hex') === 0) continue
      const text = ipText(bytes)
      expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`)
      expect(ipBytes(text)).toEqual(bytes)
    }
  })
})

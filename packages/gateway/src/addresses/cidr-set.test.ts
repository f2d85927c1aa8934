import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressError, parseCidr } from './cidr.ts'
import { CidrSet } from './cidr-set.ts'

describe('CidrSet', () => {
  it('holds the addresses of its networks', () => {
    const set = new CidrSet(['10.0.0.0/8', '192.168.1.1', '2001:db8::/32', '::1'])
    expect(
      ['10.0.0.0', '10.255.255.255', '192.168.1.1', '2001:db8::1', '2001:db8:ffff::', '::1'].map((a) => set.has(a)),
    ).toEqual(Array(6).fill(true))
    expect(
      ['9.255.255.255', '11.0.0.0', '192.168.1.2', '2001:db7::', '2001:db9::', '::2'].map((a) => set.has(a)),
    ).toEqual(Array(6).fill(false))
  })

  it('reads an IPv4-mapped address as IPv4, on both sides', () => {
    const set = new CidrSet(['10.0.0.0/8', '::ffff:192.168.0.0/112'])
    expect(set.has('::ffff:10.1.2.3')).toBe(true)
    expect(set.has('::ffff:a01:203')).toBe(true)
    expect(set.has('192.168.3.4')).toBe(true)
    expect(set.has('::ffff:11.1.2.3')).toBe(false)
  })

  it('keeps the families apart', () => {
    expect(new CidrSet(['::/0']).has('1.2.3.4')).toBe(false)
    expect(new CidrSet(['::/0']).has('::ffff:1.2.3.4')).toBe(false)
    expect(new CidrSet(['0.0.0.0/0']).has('::1')).toBe(false)
    expect(new CidrSet(['0.0.0.0/0']).has('1.2.3.4')).toBe(true)
  })

  it('has nothing when empty and no text that is no address', () => {
    expect(new CidrSet().has('1.2.3.4')).toBe(false)
    expect(new CidrSet(['0.0.0.0/0', '::/0']).has('unix:')).toBe(false)
  })

  it('clears host bits that are set', () => {
    expect(new CidrSet(['10.1.2.3/8']).has('10.200.0.1')).toBe(true)
  })

  it.each([
    ['10.0.0.0/33', 'has a bad prefix length; after the slash stands a whole number from 0 to 32'],
    ['10.0.0.0/08', 'has a bad prefix length; after the slash stands a whole number from 0 to 32'],
    ['::1/129', 'has a bad prefix length; after the slash stands a whole number from 0 to 128'],
    ['10.0.0.0/', 'has a bad prefix length; after the slash stands a whole number from 0 to 32'],
    ['localhost', 'is not an IP address or network; write it as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32'],
    ['fe80::1%eth0', 'is not an IP address or network; write it as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32'],
    ['::ffff:1.2.3.4/64', 'mixes IPv4 and IPv6: a prefix of ::ffff:0:0/96 starts at /96'],
  ])('names the bad entry %s', (entry, reason) => {
    let thrown: unknown
    try {
      new CidrSet(['10.0.0.0/8', entry])
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(AddressError)
    expect(thrown).toMatchObject({ entry, index: 1, message: `"${entry}" ${reason}` })
  })

  // Few distinct octets and groups, so that networks nest, overlap and hit.
  const v4 = fc
    .tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 10, 127, 128, 192, 255)))
    .map((octets) => octets.join('.'))
  const v6 = fc
    .tuple(...Array.from({ length: 8 }, () => fc.constantFrom('0', '1', '8000', 'fffe', '7fff', '2001')))
    .map((parts) => parts.join(':'))

  it.each([
    ['ipv4', v4, 32],
    ['ipv6', v6, 128],
  ] as const)('answers as net.BlockList does: %s', (family, address, widest) => {
    const network = fc.tuple(address, fc.integer({ min: 0, max: widest }))
    fc.assert(
      fc.property(
        fc.array(network, { maxLength: 200, size: 'max' }),
        fc.array(address, { minLength: 1, maxLength: 40 }),
        (networks, probes) => {
          const set = new CidrSet()
          const oracle = new BlockList()
          for (const [base, length] of networks) {
            set.add(`${base}/${length}`)
            // BlockList does not clear host bits of what it is given.
            oracle.addSubnet(textOf(parseCidr(`${base}/${length}`)), length, family)
          }
          for (const probe of [...probes, ...networks.map(([base]) => base)]) {
            expect(set.has(probe), probe).toBe(oracle.check(probe, family))
          }
        },
      ),
      { seed: 42, numRuns: 200 },
    )
  })
})

function textOf({ family, words }: { family: 4 | 6; words: Int32Array }): string {
  if (family === 4) return [24, 16, 8, 0].map((shift) => (words[0] >>> shift) & 255).join('.')
  return [...words].flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]).join(':')
}

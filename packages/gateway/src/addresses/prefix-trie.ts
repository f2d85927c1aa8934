// At 10,000 networks ten levels of about fifteen are the same few nodes for everyone: one look-up in a table of 4 KiB
// replaces them. Made at the first look-up after a change (20 µs); a small set does without it.
const JUMP_BITS = 10
const JUMP_FROM_LEAVES = 64
const NO_JUMPS = new Int32Array(0)

/**
 * A binary trie over prefixes of 32-bit words, path compressed (a crit-bit tree): an inner node holds only the number of
 * the bit that its two sides differ in, so a look-up tests one bit a level, about log2(n) levels for n networks, and
 * compares words once, at the leaf.
 *
 *      10.0.0.0/8                               bit 0
 *      192.9.0.0/16                            /     \
 *      192.168.0.0/16                 10.0.0.0/8     bit 8
 *      192.168.64.0/18 (covered)                    /     \
 *                                        192.9.0.0/16     192.168.0.0/16
 *
 * A network inside another one changes no answer, so it is not kept: every network is a leaf. Everything lies in two
 * integer arrays, because 10,000 node objects would cost a cache miss a level.
 */
export class PrefixTrie {
  readonly #wordsPerKey: number
  /** Three cells a node: bit number, child for 0, child for 1. A child >= 0 is a node, ~leaf otherwise. */
  #nodes = new Int32Array(3 * 16)
  #nodeCount = 0
  /** `wordsPerKey` words and the prefix length. */
  #leaves: Int32Array
  #leafCount = 0
  #root = 0
  /** Where to start for each value of the JUMP_BITS bits from the root's bit on; empty when it is to be made again. */
  #jumps: Int32Array<ArrayBuffer> = NO_JUMPS

  /** @param wordsPerKey 1 for IPv4, 4 for IPv6 */
  constructor(wordsPerKey: number) {
    this.#wordsPerKey = wordsPerKey
    this.#leaves = new Int32Array((wordsPerKey + 1) * 16)
  }

  /** Whether a network of the trie holds the address. */
  has(words: Int32Array): boolean {
    if (this.#leafCount === 0) return false
    const leaf = this.#nearestLeaf(words, this.#start(words))
    const length = this.#leaves[leaf + this.#wordsPerKey]
    return this.#commonBits(leaf, words, length) === length
  }

  /** Adds a network; `words` has its host bits cleared. */
  add(words: Int32Array, prefixLength: number): void {
    if (this.#leafCount === 0) {
      this.#root = ~this.#newLeaf(words, prefixLength)
      return
    }
    this.#jumps = NO_JUMPS
    const neighbour = this.#nearestLeaf(words, this.#root)
    const neighbourLength = this.#leaves[neighbour + this.#wordsPerKey]
    const common = this.#commonBits(neighbour, words, Math.min(prefixLength, neighbourLength))
    if (common === neighbourLength) return // covered by a network that is there

    // The place is below the last node that tests a bit within the common prefix. `slot` is the cell that points to it.
    let slot = -1
    let at = this.#root
    while (at >= 0 && this.#nodes[at] < common) {
      slot = at + 1 + bitOf(words, this.#nodes[at])
      at = this.#nodes[slot]
    }
    // When the new network is the common prefix itself, it covers all that hangs here and takes its place.
    const leaf = ~this.#newLeaf(words, prefixLength)
    const placed = common === prefixLength ? leaf : this.#newNode(common, bitOf(words, common), leaf, at)
    if (slot < 0) this.#root = placed
    else this.#nodes[slot] = placed
  }

  #start(words: Int32Array): number {
    if (this.#leafCount < JUMP_FROM_LEAVES) return this.#root
    if (this.#jumps === NO_JUMPS) this.#jumps = this.#makeJumps()
    return this.#jumps[bitsOf(words, this.#nodes[this.#root])]
  }

  #makeJumps(): Int32Array<ArrayBuffer> {
    const jumps = new Int32Array(1 << JUMP_BITS)
    const first = this.#nodes[this.#root]
    for (let value = 0; value < jumps.length; value++) {
      let at = this.#root
      while (at >= 0 && this.#nodes[at] < first + JUMP_BITS) {
        at = this.#nodes[at + 1 + ((value >>> (first + JUMP_BITS - 1 - this.#nodes[at])) & 1)]
      }
      jumps[value] = at
    }
    return jumps
  }

  /** The leaf at the end of the way of `words`: none shares more leading bits with it. */
  #nearestLeaf(words: Int32Array, from: number): number {
    const nodes = this.#nodes
    let at = from
    while (at >= 0) at = nodes[at + 1 + bitOf(words, nodes[at])]
    return ~at
  }

  /** How many leading bits, at most `limit`, the leaf and the words have in common. */
  #commonBits(leaf: number, words: Int32Array, limit: number): number {
    for (let at = 0; at * 32 < limit; at++) {
      const difference = this.#leaves[leaf + at] ^ words[at]
      if (difference !== 0) return Math.min(limit, at * 32 + Math.clz32(difference))
    }
    return limit
  }

  #newLeaf(words: Int32Array, prefixLength: number): number {
    const size = this.#wordsPerKey + 1
    const leaf = this.#leafCount++ * size
    if (leaf + size > this.#leaves.length) this.#leaves = doubled(this.#leaves)
    for (let at = 0; at < this.#wordsPerKey; at++) this.#leaves[leaf + at] = words[at]
    this.#leaves[leaf + this.#wordsPerKey] = prefixLength
    return leaf
  }

  #newNode(bit: number, side: number, mine: number, other: number): number {
    const node = this.#nodeCount++ * 3
    if (node + 3 > this.#nodes.length) this.#nodes = doubled(this.#nodes)
    this.#nodes[node] = bit
    this.#nodes[node + 1 + side] = mine
    this.#nodes[node + 2 - side] = other
    return node
  }
}

/** The JUMP_BITS bits from `bit` on; beyond the last word there are zeros. */
function bitsOf(words: Int32Array, bit: number): number {
  const at = bit >> 5
  const offset = bit & 31
  let window = words[at] << offset
  if (offset > 32 - JUMP_BITS && at + 1 < words.length) window |= words[at + 1] >>> (32 - offset)
  return window >>> (32 - JUMP_BITS)
}

function bitOf(words: Int32Array, bit: number): number {
  return (words[bit >> 5] >>> (31 - (bit & 31))) & 1
}

function doubled(cells: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(cells.length * 2)
  larger.set(cells)
  return larger
}

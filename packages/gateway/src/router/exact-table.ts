import type { Cells } from './cells.ts'
import { hasKey } from './key.ts'

/** A slot: two cells, eight slots to a line of cache. One whose BLOCK is 0 is empty. */
const HASH = 0
const BLOCK = 1
const SLOT = 2

const FIRST_SLOTS = 16

const SEED = 0x5f356495
const MULTIPLIER = 0x9e3779b1
const FINAL_MULTIPLIER = 0x85ebca6b

/** Two characters a step, multiplied and folded. The scope is mixed in later, so that one path is hashed once. */
export function hashText(text: string): number {
  const length = text.length
  let hash = SEED ^ length
  let at = 0
  for (; at + 1 < length; at += 2) {
    hash = Math.imul(hash ^ (text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)), MULTIPLIER)
    hash ^= hash >>> 15
  }
  if (at < length) {
    hash = Math.imul(hash ^ text.charCodeAt(at), MULTIPLIER)
    hash ^= hash >>> 15
  }
  return hash
}

function mix(hash: number, scope: number): number {
  const mixed = Math.imul(hash ^ Math.imul(scope, MULTIPLIER), FINAL_MULTIPLIER)
  return mixed ^ (mixed >>> 16)
}

/**
 * A hash table from (scope, text) to the block that has this key, by open addressing with linear probing: plain paths and
 * hosts are found here. Only configuration puts keys in, so the hash needs no secret against flooding: a stranger's text
 * costs one look at a short run of slots, whatever it hashes to.
 */
export class ExactTable {
  readonly #cells: Cells
  #slots = new Int32Array(FIRST_SLOTS * SLOT)
  #mask = FIRST_SLOTS - 1
  /** How many keys there are. */
  size = 0

  constructor(cells: Cells) {
    this.#cells = cells
  }

  /** The block, 0 when there is none. `hash` is `hashText(text)`. */
  get(scope: number, text: string, hash: number): number {
    return this.#slots[this.#find(scope, text, mix(hash, scope)) + BLOCK]
  }

  /** Sets the block, which has this key; 0 takes the key away. The block that was there must still have its key. */
  set(scope: number, text: string, hash: number, block: number): void {
    const mixed = mix(hash, scope)
    const slot = this.#find(scope, text, mixed)
    const known = this.#slots[slot + BLOCK] !== 0
    if (block === 0) {
      if (known) this.#remove(slot)
      return
    }
    this.#slots[slot + HASH] = mixed
    this.#slots[slot + BLOCK] = block
    // Three quarters full: two or three slots are looked at on the average, most often in one line of cache.
    if (!known && ++this.size * 4 > (this.#mask + 1) * 3) this.#grow()
  }

  /** The slot of the key, or the empty one where it would be. */
  #find(scope: number, text: string, mixed: number): number {
    const slots = this.#slots
    for (let index = mixed & this.#mask; ; index = (index + 1) & this.#mask) {
      const slot = index * SLOT
      const block = slots[slot + BLOCK]
      if (block === 0 || (slots[slot + HASH] === mixed && hasKey(this.#cells, block, scope, text))) return slot
    }
  }

  /** Closes the gap instead of leaving a mark in it, so that removals never slow look-ups down. */
  #remove(slot: number): void {
    const slots = this.#slots
    this.size--
    let gap = slot / SLOT
    for (let index = (gap + 1) & this.#mask; slots[index * SLOT + BLOCK] !== 0; index = (index + 1) & this.#mask) {
      const home = slots[index * SLOT + HASH] & this.#mask
      // Whoever may stand in the gap (it is not before their home) moves there and leaves the next gap.
      if (((index - home) & this.#mask) < ((index - gap) & this.#mask)) continue
      slots[gap * SLOT + HASH] = slots[index * SLOT + HASH]
      slots[gap * SLOT + BLOCK] = slots[index * SLOT + BLOCK]
      gap = index
    }
    slots[gap * SLOT + HASH] = 0
    slots[gap * SLOT + BLOCK] = 0
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#mask = this.#mask * 2 + 1
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + BLOCK] === 0) continue
      let index = old[from + HASH] & this.#mask
      while (this.#slots[index * SLOT + BLOCK] !== 0) index = (index + 1) & this.#mask
      this.#slots[index * SLOT + HASH] = old[from + HASH]
      this.#slots[index * SLOT + BLOCK] = old[from + BLOCK]
    }
  }
}

import type { Cells } from './cells.ts'

/*
 * A slot: four cells, 16 bytes, four slots to a line of cache. The text that a slot is for is a block in `cells`: its
 * length, then its characters. A slot whose TEXT is 0 is empty.
 */
const HASH = 0
const SCOPE = 1
const TEXT = 2
const VALUE = 3
const SLOT = 4

const FIRST_SLOTS = 16

const HASH_SEED = 0x5f356495
const HASH_MULTIPLIER = 0x9e3779b1
const HASH_FINAL = 0x85ebca6b

/** Two characters a step, multiplied and folded; `find` folds in the scope and picks the slot from the high bits. */
export function hashText(text: string): number {
  const length = text.length
  let hash = HASH_SEED ^ length
  let at = 0
  for (; at + 1 < length; at += 2) {
    hash = Math.imul(hash ^ (text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)), HASH_MULTIPLIER)
    hash ^= hash >>> 15
  }
  if (at < length) {
    hash = Math.imul(hash ^ text.charCodeAt(at), HASH_MULTIPLIER)
    hash ^= hash >>> 15
  }
  return hash
}

/**
 * A hash table from (scope, text) to a number that is not 0, by open addressing with linear probing. Paths and hosts that
 * have to be equal are found here. Only configuration puts keys in, so the hash needs no secret against flooding: a
 * stranger's text costs one look at a short run of slots, whatever it hashes to.
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

  /** @param hash `hashText(text)`. Returns 0 when there is none. */
  get(scope: number, text: string, hash: number): number {
    const slot = this.#find(scope, text, mix(hash, scope))
    return this.#slots[slot + VALUE]
  }

  /** Sets the value; 0 takes the key away. */
  set(scope: number, text: string, hash: number, value: number): void {
    const mixed = mix(hash, scope)
    const slot = this.#find(scope, text, mixed)
    if (value === 0) {
      if (this.#slots[slot + TEXT] !== 0) this.#remove(slot)
    } else if (this.#slots[slot + TEXT] !== 0) {
      this.#slots[slot + VALUE] = value
    } else {
      this.#add(slot, scope, text, mixed, value)
    }
  }

  /** The slot of the key, or the empty one where it would be. */
  #find(scope: number, text: string, mixed: number): number {
    const slots = this.#slots
    for (let index = mixed & this.#mask; ; index = (index + 1) & this.#mask) {
      const slot = index * SLOT
      const block = slots[slot + TEXT]
      if (block === 0) return slot
      if (slots[slot + HASH] === mixed && slots[slot + SCOPE] === scope && hasText(this.#cells, block, text)) return slot
    }
  }

  #add(slot: number, scope: number, text: string, mixed: number, value: number): void {
    const block = this.#cells.take(textSize(text.length))
    const { ints, shorts } = this.#cells
    ints[block] = text.length
    for (let at = 0; at < text.length; at++) shorts[(block + 1) * 2 + at] = text.charCodeAt(at)
    const slots = this.#slots
    slots[slot + HASH] = mixed
    slots[slot + SCOPE] = scope
    slots[slot + TEXT] = block
    slots[slot + VALUE] = value
    // Three quarters full: two or three slots are looked at on the average, most often in one line of cache.
    if (++this.size * 4 > (this.#mask + 1) * 3) this.#grow()
  }

  /** Closes the gap instead of leaving a mark in it, so that removals never slow look-ups down. */
  #remove(slot: number): void {
    const slots = this.#slots
    const block = slots[slot + TEXT]
    this.#cells.give(block, textSize(this.#cells.ints[block]))
    this.size--
    let gap = slot / SLOT
    for (let index = (gap + 1) & this.#mask; slots[index * SLOT + TEXT] !== 0; index = (index + 1) & this.#mask) {
      const home = slots[index * SLOT + HASH] & this.#mask
      // Whoever may stand in the gap (it is not before their home) moves there and leaves the next gap.
      if (((index - home) & this.#mask) >= ((index - gap) & this.#mask)) {
        slots.copyWithin(gap * SLOT, index * SLOT, (index + 1) * SLOT)
        gap = index
      }
    }
    slots.fill(0, gap * SLOT, (gap + 1) * SLOT)
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#mask = this.#mask * 2 + 1
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + TEXT] === 0) continue
      let index = old[from + HASH] & this.#mask
      while (this.#slots[index * SLOT + TEXT] !== 0) index = (index + 1) & this.#mask
      for (let cell = 0; cell < SLOT; cell++) this.#slots[index * SLOT + cell] = old[from + cell]
    }
  }
}

function mix(hash: number, scope: number): number {
  const mixed = Math.imul(hash ^ Math.imul(scope, HASH_MULTIPLIER), HASH_FINAL)
  return mixed ^ (mixed >>> 16)
}

function textSize(length: number): number {
  return 1 + ((length + 1) >> 1)
}

function hasText({ ints, shorts }: Cells, block: number, text: string): boolean {
  const length = text.length
  if (ints[block] !== length) return false
  const start = (block + 1) * 2
  for (let at = 0; at < length; at++) {
    if (shorts[start + at] !== text.charCodeAt(at)) return false
  }
  return true
}

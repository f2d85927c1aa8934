import { maskBitOf, tailBitOf } from '../../headers/headers.ts'

/** Names to leave out, so that most of the others are told apart by two bits and without making a string (as `Headers` does). */
export class SkipMask {
  private readonly names: ReadonlySet<string>
  private readonly mask: number
  private readonly tailMask: number

  constructor(names: ReadonlySet<string>) {
    let mask = 0
    let tailMask = 0
    for (const name of names) {
      mask |= maskBitOf(name.length, name.charCodeAt(0))
      tailMask |= tailBitOf(name.length, name.charCodeAt(name.length - 1))
    }
    this.names = names
    this.mask = mask
    this.tailMask = tailMask
  }

  /** False: no name of that length, first and last letter. */
  mayHave(length: number, first: number, last: number): boolean {
    return (this.mask & maskBitOf(length, first)) !== 0 && (this.tailMask & tailBitOf(length, last)) !== 0
  }

  has(name: string): boolean {
    const { length } = name
    return this.mayHave(length, name.charCodeAt(0), name.charCodeAt(length - 1)) && this.names.has(name)
  }
}

const masks = new WeakMap<ReadonlySet<string>, SkipMask>()

/** Made once for a set. */
export function skipMaskOf(names: ReadonlySet<string>): SkipMask {
  let mask = masks.get(names)
  if (mask === undefined) masks.set(names, (mask = new SkipMask(names)))
  return mask
}

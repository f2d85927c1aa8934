/**
 * Values by long keys (tokens, cookies), of which those that were used last are kept. Two halves: when the younger one is full it becomes the
 * elder, and what was in that is forgotten unless it was used since.
 */
export class Recent<T> {
  private young = new Map<string, Entry<T>>()
  private old = new Map<string, Entry<T>>()
  private characters = 0
  private readonly maxCharacters: number

  /** @param maxCharacters of the keys of one half; the default: 1 MiB, some 3,000 tokens */
  constructor(maxCharacters = 1_048_576) {
    this.maxCharacters = maxCharacters
  }

  get(key: string): T | undefined {
    const known = this.young.get(key)
    if (known !== undefined) return known.value
    const elder = this.old.get(key)
    if (elder !== undefined) this.add(elder)
    return elder?.value
  }

  /** @param key a part of a request's head has to be `detached` */
  set(key: string, value: T): void {
    this.add({ key, value })
  }

  delete(key: string): void {
    if (this.young.delete(key)) this.characters -= key.length
    this.old.delete(key)
  }

  get size(): number {
    return this.young.size + this.old.size
  }

  private add(entry: Entry<T>): void {
    const { key } = entry
    if (!this.young.has(key)) this.characters += key.length
    this.young.set(key, entry)
    if (this.characters < this.maxCharacters) return
    this.old = this.young
    this.young = new Map()
    this.characters = 0
  }
}

interface Entry<T> {
  /** As it was set. The equal text that it is looked up by would keep the memory of the head that it is a part of. */
  readonly key: string
  readonly value: T
}

/** The same text in memory of its own: a part of a request's head would keep all of that. @param text of latin1, as heads are */
export const detached = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

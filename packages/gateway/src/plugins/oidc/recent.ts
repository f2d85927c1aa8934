/**
 * Values by long keys (tokens, cookies), of which those that were used last are kept. Two halves: when the younger one is full it becomes the
 * elder, and what was in that is forgotten unless it was used since.
 */
export class Recent<T> {
  private young = new Map<string, T>()
  private old = new Map<string, T>()
  private characters = 0
  private readonly maxCharacters: number

  /** @param maxCharacters of the keys of one half */
  constructor(maxCharacters = 1_048_576) {
    this.maxCharacters = maxCharacters
  }

  get(key: string): T | undefined {
    const known = this.young.get(key)
    if (known !== undefined) return known
    const elder = this.old.get(key)
    if (elder !== undefined) this.set(key, elder)
    return elder
  }

  set(key: string, value: T): void {
    if (!this.young.has(key)) this.characters += key.length
    this.young.set(key, value)
    if (this.characters < this.maxCharacters) return
    this.old = this.young
    this.young = new Map()
    this.characters = 0
  }

  delete(key: string): void {
    if (this.young.delete(key)) this.characters -= key.length
    this.old.delete(key)
  }

  get size(): number {
    return this.young.size + this.old.size
  }
}

/** The same text in memory of its own: a part of a request's head would keep all of that. @param text of latin1, as heads are */
export const detached = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

/** Answers of an authorizer by who asked: callers that come at the same time wait for one call. */
export class AnswerCache<T> {
  private readonly entries = new Map<string, { readonly answer: Promise<T>; expiresAt: number }>()
  private readonly ttlMs: number
  private readonly maxEntries: number
  private readonly now: () => number

  /** @param ttlMs 0: an answer serves those alone who wait for it */
  constructor(ttlMs: number, maxEntries: number, now: () => number = () => performance.now()) {
    this.ttlMs = ttlMs
    this.maxEntries = maxEntries
    this.now = now
  }

  /** @param keeps whether an answer may serve later requests */
  get(key: string, ask: () => Promise<T>, keeps: (answer: T) => boolean): Promise<T> {
    const known = this.entries.get(key)
    if (known !== undefined && known.expiresAt > this.now()) return known.answer
    const answer = ask()
    const entry = { answer, expiresAt: Infinity }
    this.entries.delete(key)
    if (this.entries.size >= this.maxEntries) this.entries.delete(this.entries.keys().next().value as string)
    this.entries.set(key, entry)
    const forget = (): void => {
      if (this.entries.get(key) === entry) this.entries.delete(key)
    }
    answer.then((value) => {
      if (this.ttlMs > 0 && keeps(value)) entry.expiresAt = this.now() + this.ttlMs
      else forget()
    }, forget)
    return answer
  }
}

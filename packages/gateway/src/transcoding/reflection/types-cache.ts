/** How often an upstream is asked again at most, because a request names a method that is not known. */
export const REFRESH_MS = 10_000
/** After a failure, which others wait for as well. */
export const RETRY_MS = 1_000

/** What is made of an upstream's types: fetched when it is first needed, and again when a request does not find its method there. */
export class TypesCache<T> {
  private value: T | undefined = undefined
  private failure: unknown = undefined
  private pending: Promise<T> | undefined = undefined
  private fetchedAt = -Infinity
  private readonly now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  /** What is known, fetched again when it does not do and was not fetched just now. Rejects with why there is nothing. */
  async get(suffices: (value: T) => boolean, fetch: () => Promise<T>): Promise<T> {
    if (this.value !== undefined && suffices(this.value)) return this.value
    if (this.pending !== undefined) return this.pending
    const age = this.now() - this.fetchedAt
    if (this.value !== undefined && age < REFRESH_MS) return this.value
    if (this.value === undefined && age < RETRY_MS) throw this.failure
    this.fetchedAt = this.now()
    this.pending = fetch()
    try {
      return (this.value = await this.pending)
    } catch (error) {
      this.failure = error
      // Types that are old are better than none.
      if (this.value !== undefined) return this.value
      throw error
    } finally {
      this.pending = undefined
    }
  }
}

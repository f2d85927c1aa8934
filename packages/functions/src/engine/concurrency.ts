/**
 * Invocations at a time. A function with reserved concurrency has so many for itself and no more; all others share what is left of the
 * account's. Provisioned concurrency of a function without reservation is set apart from that share whether it is used or not.
 */
export class AccountConcurrency {
  limit: number
  /** Invocations under way. */
  inUse = 0
  /** Sum of all reservations. */
  reserved = 0
  /** Taken of the common share. */
  unreservedInUse = 0

  constructor(limit: number) {
    this.limit = limit
  }
}

export class FunctionConcurrency {
  readonly #account: AccountConcurrency
  #reserved: number | undefined
  #provisioned = 0
  inUse = 0

  constructor(account: AccountConcurrency) {
    this.#account = account
  }

  get reserved(): number | undefined {
    return this.#reserved
  }

  /** @returns the reason why not, or undefined: it is taken, `release` gives it back */
  acquire(): string | undefined {
    const account = this.#account
    if (this.#reserved !== undefined) {
      if (this.inUse >= this.#reserved) return 'ReservedFunctionConcurrentInvocationLimitExceeded'
    } else if (this.inUse >= this.#provisioned) {
      if (account.unreservedInUse >= account.limit - account.reserved) return 'ConcurrentInvocationLimitExceeded'
      account.unreservedInUse++
    }
    this.inUse++
    account.inUse++
    return undefined
  }

  release(): void {
    this.inUse--
    this.#account.inUse--
    if (this.#reserved === undefined && this.inUse >= this.#provisioned) this.#account.unreservedInUse--
  }

  /** Counts for what comes; what is under way goes on. */
  reserve(concurrency: number | undefined): void {
    this.#change(() => {
      this.#account.reserved += (concurrency ?? 0) - (this.#reserved ?? 0)
      this.#reserved = concurrency
    })
  }

  /** @param concurrency of all its versions together */
  provision(concurrency: number): void {
    this.#change(() => {
      this.#provisioned = concurrency
    })
  }

  #change(change: () => void): void {
    this.#account.unreservedInUse -= this.#share()
    change()
    this.#account.unreservedInUse += this.#share()
  }

  #share(): number {
    return this.#reserved === undefined ? Math.max(this.inUse, this.#provisioned) : 0
  }
}

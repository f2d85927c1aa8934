/** Time that environments with external extensions have to end. */
export const EXTERNAL_GRACE_MS = 2000
const INTERNAL_GRACE_MS = 500

/** The extensions of one environment: who there is, and who is not done yet. Most environments have none. */
export class Extensions {
  /** External ones that have been started and have not registered. */
  readonly #expected = new Set<string>()
  readonly #members = new Map<string, Extension>()
  /** Registered ones that have not asked for their next event. */
  #working = 0

  expect(name: string): void {
    this.#expected.add(name)
  }

  register(name: string, events: readonly ('INVOKE' | 'SHUTDOWN')[]): void {
    if (this.#members.has(name)) return
    const external = this.#expected.delete(name)
    this.#members.set(name, {
      external,
      invoke: events.includes('INVOKE'),
      shutdown: events.includes('SHUTDOWN'),
      working: true,
    })
    this.#working++
  }

  next(name: string): void {
    const member = this.#members.get(name)
    if (member === undefined || !member.working) return
    member.working = false
    this.#working--
  }

  /** An event went out to those who subscribed to it. */
  delivered(): void {
    if (this.#members.size === 0) return
    for (const member of this.#members.values()) {
      if (!member.invoke || member.working) continue
      member.working = true
      this.#working++
    }
  }

  /** All have registered and wait for an event. */
  get done(): boolean {
    return this.#working === 0 && this.#expected.size === 0
  }

  /** Time to end in good order: 2 s with an external extension, half a second with internal ones, none without any. */
  get graceMs(): number {
    if (this.#members.size === 0) return 0
    for (const member of this.#members.values()) if (member.external) return EXTERNAL_GRACE_MS
    return INTERNAL_GRACE_MS
  }

  /** Somebody wants to be told SHUTDOWN. */
  get wantsShutdown(): boolean {
    for (const member of this.#members.values()) if (member.shutdown) return true
    return false
  }
}

interface Extension {
  readonly external: boolean
  readonly invoke: boolean
  readonly shutdown: boolean
  working: boolean
}

import type { Resolved } from '../config/env-references.ts'
import { parseSecretReference, type SecretValues, type WantedSecret } from '../config/references/secret-reference.ts'
import { MAX_PEM_LENGTH } from '../resources/pem.ts'
import type { Secret } from '../resources/secret.ts'
import { readSecret, type SecretFailure, type SecretRead } from './read-secret.ts'

/** Paths that are remembered. */
export const MAX_PATHS = 20_000

/** Questions to all managers at once. */
const MAX_CONCURRENT = 8

/** Until what could not be read is tried again: the first time, and at most. */
const BACK_OFF_MS = { first: 1_000, max: 60_000 } as const

/** How often it is looked whether something is to be read again. */
const TICK_MS = 1_000

const DEFAULT_REFRESH_S = 300

export interface SecretCacheOptions {
  /** Those that are in use: the others are forgotten when they would be read again. */
  readonly inUse: () => Iterable<WantedSecret>
  /** What some references stand for is not what it was. */
  readonly onChange: () => void
  /** A manager cannot be asked, or can be again. */
  readonly onProblem: (message: string) => void
  readonly read?: (manager: Secret, path: string) => Promise<SecretRead>
  /** Milliseconds, of any beginning. */
  readonly now?: () => number
}

/** One path of a manager. */
interface Entry {
  readonly manager: Secret
  readonly path: string
  /** As it was read last, however long ago. */
  value: Exclude<SecretRead, SecretFailure> | undefined
  /** Why it could not be read the last time. */
  failure: SecretFailure | undefined
  failures: number
  dueAt: number
  reading: Promise<void> | undefined
}

/**
 * Secrets of the managers, as they were read last. They are read again after the manager's `refresh` seconds; what cannot be read then stays
 * what it was, and is tried again with back-off. Lives in the control thread.
 */
export class SecretCache implements SecretValues {
  private readonly options: Required<SecretCacheOptions>
  private readonly entries = new Map<string, Entry>()
  private readonly fingerprints = new WeakMap<Secret, string>()
  /** Managers that cannot be asked, until when. */
  private readonly outages = new Map<string, { readonly until: number; readonly failure: SecretFailure }>()
  private readonly waiting: (() => void)[] = []
  private running = 0
  private timer: NodeJS.Timeout | undefined
  private closed = false

  constructor(options: SecretCacheOptions) {
    this.options = { read: readSecret, now: () => performance.now(), ...options }
  }

  get(wanted: WantedSecret): Resolved | undefined {
    const reference = parseSecretReference(wanted.reference)
    if (typeof reference === 'string') return { message: reference }
    const entry = this.entries.get(this.keyOf(wanted.manager, reference.path))
    if (entry?.value !== undefined) return picked(entry.value, reference.field, reference.path)
    if (entry === undefined && this.entries.size >= MAX_PATHS)
      return {
        message: `is a secret beyond the ${MAX_PATHS} paths that are kept`,
        remedy: 'put several fields into one secret',
      }
    return entry?.failure === undefined ? undefined : refusal(entry.failure)
  }

  /** Reads what is not known, and what could not be read when that is some time ago. Takes as long as the managers' `timeout`. */
  async read(wanted: Iterable<WantedSecret>): Promise<void> {
    const now = this.options.now()
    const reading: Promise<void>[] = []
    for (const { manager, reference } of wanted) {
      const entry = this.entryOf(manager, reference)
      if (entry === undefined || entry.value !== undefined) continue
      if (entry.reading === undefined && entry.failure !== undefined && now < entry.dueAt) continue
      reading.push(this.refresh(entry))
    }
    await Promise.all(reading)
  }

  /** Reads all of it again, now: SIGHUP. */
  async readAgain(): Promise<void> {
    this.outages.clear()
    await this.refreshAll([...this.entries.values()])
  }

  close(): void {
    this.closed = true
    clearInterval(this.timer)
    for (const go of this.waiting.splice(0)) go()
  }

  private entryOf(manager: Secret, reference: string): Entry | undefined {
    const parsed = parseSecretReference(reference)
    if (typeof parsed === 'string' || this.closed) return undefined
    const key = this.keyOf(manager, parsed.path)
    let entry = this.entries.get(key)
    if (entry === undefined) {
      entry = {
        manager,
        path: parsed.path,
        value: undefined,
        failure: undefined,
        failures: 0,
        dueAt: 0,
        reading: undefined,
      }
      if (this.entries.size >= MAX_PATHS) this.forgetUnused()
      if (this.entries.size >= MAX_PATHS) return undefined
      this.entries.set(key, entry)
      this.timer ??= setInterval(() => this.tick(), TICK_MS).unref()
    }
    return entry
  }

  private tick(): void {
    const now = this.options.now()
    if (![...this.entries.values()].some(({ dueAt, reading }) => dueAt <= now && reading === undefined)) return
    this.forgetUnused()
    const due = [...this.entries.values()].filter(({ dueAt, reading }) => dueAt <= now && reading === undefined)
    void this.refreshAll(due)
  }

  /** Told once of all that changed. */
  private async refreshAll(entries: readonly Entry[]): Promise<void> {
    const before = entries.map(({ value }) => value)
    await Promise.all(entries.map((entry) => this.refresh(entry)))
    if (!this.closed && entries.some(({ value }, index) => !sameValue(before[index], value))) this.options.onChange()
  }

  private forgetUnused(): void {
    const used = new Set<string>()
    for (const { manager, reference } of this.options.inUse()) {
      const parsed = parseSecretReference(reference)
      if (typeof parsed === 'object') used.add(this.keyOf(manager, parsed.path))
    }
    for (const [key, { reading }] of this.entries) if (reading === undefined && !used.has(key)) this.entries.delete(key)
    const now = this.options.now()
    for (const [key, { until }] of this.outages) if (until <= now) this.outages.delete(key)
    if (this.entries.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  private refresh(entry: Entry): Promise<void> {
    return (entry.reading ??= this.readOne(entry).finally(() => (entry.reading = undefined)))
  }

  private async readOne(entry: Entry): Promise<void> {
    await this.turn()
    try {
      if (this.closed) return
      const { manager, path } = entry
      const fingerprint = this.fingerprint(manager)
      const outage = this.outages.get(fingerprint)
      const out = outage !== undefined && this.options.now() < outage.until ? outage.failure : undefined
      const read = out ?? (await this.options.read(manager, path))
      if ('message' in read) this.failed(entry, read, fingerprint)
      else this.succeeded(entry, read, fingerprint)
    } finally {
      this.running--
      this.waiting.shift()?.()
    }
  }

  private async turn(): Promise<void> {
    if (this.running >= MAX_CONCURRENT) await new Promise<void>((resolve) => this.waiting.push(resolve))
    this.running++
  }

  private succeeded(entry: Entry, value: Exclude<SecretRead, SecretFailure>, fingerprint: string): void {
    const { refresh = DEFAULT_REFRESH_S } = entry.manager as { refresh?: number }
    if (entry.failure !== undefined)
      this.options.onProblem(`secrets at "${entry.path}" of "${entry.manager.id}" are read again`)
    entry.value = value
    entry.failure = undefined
    entry.failures = 0
    entry.dueAt = this.options.now() + refresh * 1_000
    this.outages.delete(fingerprint)
  }

  private failed(entry: Entry, failure: SecretFailure, fingerprint: string): void {
    const now = this.options.now()
    const first = entry.failure === undefined
    entry.failure = failure
    entry.failures++
    const backOff = Math.min(BACK_OFF_MS.max, BACK_OFF_MS.first * 2 ** Math.min(entry.failures - 1, 10))
    entry.dueAt = now + backOff
    const known = this.outages.get(fingerprint)
    const told = known !== undefined
    if (failure.unreachable && (known === undefined || known.until <= now))
      this.outages.set(fingerprint, { until: now + backOff, failure })
    // What is in force and cannot be read again would be told by nobody else; of many, the first.
    if (entry.value !== undefined && first && !(told && failure.unreachable))
      this.options.onProblem(
        `secrets at "${entry.path}" of "${entry.manager.id}" cannot be read again, and stay as they are: ${failure.message}`,
      )
  }

  private keyOf(manager: Secret, path: string): string {
    return `${this.fingerprint(manager)} ${path}`
  }

  /** A manager that is written in another way is another one: with another token, other secrets may be seen. */
  private fingerprint(manager: Secret): string {
    let text = this.fingerprints.get(manager)
    if (text === undefined) this.fingerprints.set(manager, (text = JSON.stringify(manager)))
    return text
  }
}

const refusal = ({ message, remedy }: SecretFailure): Resolved => ({ message, remedy })

function picked(value: Exclude<SecretRead, SecretFailure>, field: string | undefined, path: string): Resolved {
  const text = field === undefined ? value.text : value.fields.get(field)
  if (text !== undefined && text.length > MAX_PEM_LENGTH)
    return { message: `the secret has ${text.length} characters, and what is referred to at most ${MAX_PEM_LENGTH}` }
  if (text !== undefined) return { text }
  if (field === undefined) return { message: 'the reference names no field' }
  const names = [...value.fields.keys()].slice(0, 10).map((name) => `"${name.slice(0, 60)}"`)
  return {
    message: `the secret at "${path}" has no text named "${field}"`,
    remedy: names.length === 0 ? undefined : `it has ${names.join(', ')}`,
  }
}

function sameValue(a: Entry['value'], b: Entry['value']): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.text !== b.text || a.fields.size !== b.fields.size) return false
  for (const [name, text] of a.fields) if (b.fields.get(name) !== text) return false
  return true
}

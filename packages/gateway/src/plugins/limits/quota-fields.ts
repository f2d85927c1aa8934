import type { Headers } from '@sekisho/wire'

/** The names of the fields that tell a client what is left, `plugin_metadata` of limit-count. */
export interface QuotaNames {
  readonly limit_header: string
  readonly remaining_header: string
  readonly reset_header: string
}

/** What one limit said of one request. Those of several rules are linked: one object a rule, and no list. */
export interface Spent {
  readonly fields: QuotaFields
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  /** The rule before this one. */
  readonly before: Spent | undefined
}

/** Numbers up to here are kept as text: most quotas and windows are no larger. 1,024 strings of 32 bytes are 32 KiB. */
const KEPT = 1_024
const texts = Array.from({ length: KEPT }, (_, number) => String(number))

const text = (number: number): string => texts[number] ?? String(number)

/** `X-RateLimit-Limit`, `-Remaining` and `-Reset` of one limit. */
export class QuotaFields {
  private readonly limitName: string
  private readonly remainingName: string
  private readonly resetName: string
  private readonly resetText: (resetMs: number) => string

  /**
   * @param prefix of a rule: `jack` makes `X-jack-RateLimit-Limit`. A name without `RateLimit-` in it has no place for one.
   * @param isSliding the reset is told in hundredths of a second, as in APISIX; whole seconds else. Always rounded up: who comes back
   * then is let in.
   */
  constructor(names: QuotaNames, prefix: string | undefined, isSliding: boolean) {
    const prefixed = (name: string): string =>
      prefix === undefined ? name : name.replace('RateLimit-', () => `${prefix}-RateLimit-`)
    this.limitName = prefixed(names.limit_header)
    this.remainingName = prefixed(names.remaining_header)
    this.resetName = prefixed(names.reset_header)
    this.resetText = isSliding ? hundredths : wholeSeconds
  }

  /** In place of fields of these names that an upstream sent. */
  write(headers: Headers, spent: Spent): void {
    // All are deleted before one is added: looking for a name that is surely not there costs no index of the fields.
    headers.delete(this.limitName)
    headers.delete(this.remainingName)
    headers.delete(this.resetName)
    headers.appendUnchecked(this.limitName, text(spent.limit))
    headers.appendUnchecked(this.remainingName, text(spent.remaining))
    headers.appendUnchecked(this.resetName, this.resetText(spent.resetMs))
  }
}

const wholeSeconds = (resetMs: number): string => text(Math.ceil(resetMs / 1_000))
const hundredths = (resetMs: number): string => String(Math.ceil(resetMs / 10) / 100)

/** Writes what the limits of one place said, in their order: of two with the same names, the last one stays. */
export function writeSpent(headers: Headers, spent: Spent | undefined): void {
  if (spent === undefined) return
  writeSpent(headers, spent.before)
  spent.fields.write(headers, spent)
}

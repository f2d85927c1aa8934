import { DEFAULT_URGENCY } from '@sekisho/proxy'
import type { LoadShedding } from '../resources/overload.ts'
import type { GatewaySession } from '../session.ts'

/** The `load_shedding` of a route or service, made ready. */
export class UrgencyRule {
  private readonly urgency: number
  private readonly header: string | undefined
  private readonly values: ReadonlyMap<string, number>

  constructor(rule: LoadShedding) {
    this.urgency = rule.urgency ?? DEFAULT_URGENCY
    this.header = rule.header?.toLowerCase()
    this.values = new Map(Object.entries(rule.values ?? {}))
  }

  /** 0 (served first) to 7. */
  of(session: GatewaySession): number {
    if (this.header === undefined) return this.urgency
    const value = session.request.headers.get(this.header)
    return (value === undefined ? undefined : this.values.get(value)) ?? this.urgency
  }
}

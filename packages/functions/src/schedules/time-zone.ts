const DAY_MS = 86_400_000

/** A zone of the tz database: what clocks there show, and when they show it. */
export class TimeZone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat

  /** Throws RangeError for what is no zone. */
  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** What clocks show, as if it were UTC: milliseconds, whole seconds. */
  wall(instant: number): number {
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = Number(value)
    return Date.UTC(
      parts['year']!,
      parts['month']! - 1,
      parts['day']!,
      parts['hour']!,
      parts['minute']!,
      parts['second']!,
    )
  }

  /**
   * When clocks first show a time. undefined: never, they are set forward over it.
   * @param wall whole seconds
   */
  instant(wall: number): number | undefined {
    // Clocks are not set twice within two days.
    const found = [this.#offset(wall - DAY_MS), this.#offset(wall + DAY_MS)]
      .map((offset) => wall - offset)
      .filter((instant) => this.wall(instant) === wall)
    return found.length === 0 ? undefined : Math.min(...found)
  }

  #offset(instant: number): number {
    return this.wall(instant) - instant
  }
}

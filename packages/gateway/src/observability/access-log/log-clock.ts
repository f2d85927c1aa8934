const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The times in a log line, in the local time zone. Written out once a second, as a line costs less than a date. */
export class LogClock {
  readonly #now: () => number
  #second = Number.NaN
  #local = ''
  #iso8601 = ''

  /** `now` gives milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** nginx's `$time_local`: `20/Nov/2025:18:00:00 +0900`. */
  local(): string {
    this.#update()
    return this.#local
  }

  /** nginx's `$time_iso8601`: `2025-11-20T18:00:00+09:00`. */
  iso8601(): string {
    this.#update()
    return this.#iso8601
  }

  /** nginx's `$msec`: seconds since 1970, to the millisecond. */
  seconds(): number {
    return Math.round(this.#now()) / 1_000
  }

  #update(): void {
    const ms = this.#now()
    const second = Math.floor(ms / 1_000)
    if (second === this.#second) return
    this.#second = second
    const date = new Date(ms)
    const year = date.getFullYear()
    const day = two(date.getDate())
    const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
    // Minutes west of Greenwich: the sign is the other way round in both forms.
    const west = date.getTimezoneOffset()
    const sign = west > 0 ? '-' : '+'
    const hours = two(Math.floor(Math.abs(west) / 60))
    const minutes = two(Math.abs(west) % 60)
    this.#local = `${day}/${MONTHS[date.getMonth()]}/${year}:${time} ${sign}${hours}${minutes}`
    this.#iso8601 = `${year}-${two(date.getMonth() + 1)}-${day}T${time}${sign}${hours}:${minutes}`
  }
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

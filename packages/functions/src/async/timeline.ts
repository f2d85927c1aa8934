/** The longest sleep: who sets the clock of the host is noticed after so long. Node's timers end at 24 days anyway. */
const MAX_SLEEP_MS = 60_000

interface Entry<T> {
  readonly at: number
  readonly item: T
}

/** What is to happen when, at the price of one timer: a binary heap by time, the earliest first. */
export class Timeline<T> {
  readonly #heap: Entry<T>[] = []
  readonly #now: () => number
  readonly #onDue: (item: T) => void
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY

  /** @param now milliseconds since 1970 */
  constructor(now: () => number, onDue: (item: T) => void) {
    this.#now = now
    this.#onDue = onDue
  }

  get size(): number {
    return this.#heap.length
  }

  /** @param at milliseconds since 1970 */
  add(at: number, item: T): void {
    const heap = this.#heap
    let i = heap.length
    heap.push({ at, item })
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= heap[i]!.at) break
      swap(heap, i, parent)
      i = parent
    }
    this.#arm()
  }

  /** Nothing is due any more. */
  clear(): void {
    this.#heap.length = 0
    clearTimeout(this.#timer)
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || first.at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = first.at
    this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(first.at - this.#now(), 0), MAX_SLEEP_MS))
  }

  #tick(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#now()
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) this.#onDue(this.#take())
    this.#arm()
  }

  #take(): T {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      sink(heap)
    }
    return first.item
  }
}

function sink(heap: Entry<unknown>[]): void {
  for (let i = 0; ;) {
    let least = i
    for (const child of [2 * i + 1, 2 * i + 2])
      if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child
    if (least === i) return
    swap(heap, i, least)
    i = least
  }
}

function swap(heap: Entry<unknown>[], a: number, b: number): void {
  const entry = heap[a]!
  heap[a] = heap[b]!
  heap[b] = entry
}

/** One event of a simulation: what happens, and when (ms). */
interface SimulatedEvent {
  readonly at: number
  readonly run: () => void
}

/** Time that passes from event to event. */
export class Simulation {
  now = 0
  readonly #heap: SimulatedEvent[] = []

  schedule(delayMs: number, run: () => void): void {
    const heap = this.#heap
    let at = heap.push({ at: this.now + delayMs, run }) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent].at <= heap[at].at) break
      ;[heap[parent], heap[at]] = [heap[at], heap[parent]]
      at = parent
    }
  }

  runUntil(end: number): void {
    while (this.#heap.length > 0 && this.#heap[0].at <= end) {
      const next = this.#pop()
      this.now = next.at
      next.run()
    }
    this.now = end
  }

  #pop(): SimulatedEvent {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop() as SimulatedEvent
    if (heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < heap.length && heap[left].at < heap[least].at) least = left
      if (right < heap.length && heap[right].at < heap[least].at) least = right
      if (least === at) return first
      ;[heap[least], heap[at]] = [heap[at], heap[least]]
      at = least
    }
  }
}

/** A service that works on `slots` requests at a time, each for about `serviceMs`; the others wait in line. */
export class SimulatedService {
  slots: number
  serviceMs: number
  served = 0
  readonly #simulation: Simulation
  readonly #random: () => number
  readonly #line: (() => void)[] = []
  #busy = 0

  constructor(simulation: Simulation, random: () => number, slots: number, serviceMs: number) {
    this.#simulation = simulation
    this.#random = random
    this.slots = slots
    this.serviceMs = serviceMs
  }

  request(done: (latencyMs: number) => void): void {
    const from = this.#simulation.now
    const work = (): void => {
      this.#busy++
      // 50% to 150% of the mean, evenly.
      this.#simulation.schedule(this.serviceMs * (0.5 + this.#random()), () => {
        this.#busy--
        this.served++
        if (this.#busy < this.slots) this.#line.shift()?.()
        done(this.#simulation.now - from)
      })
    }
    if (this.#busy < this.slots) work()
    else this.#line.push(work)
  }
}

/** Calls `arrive` so many times a second, at random (Poisson), until `end`. */
export function arrivals(
  simulation: Simulation,
  random: () => number,
  perSecond: (now: number) => number,
  end: number,
  arrive: () => void,
): void {
  const next = (): void => {
    const gap = (-Math.log(1 - random()) * 1_000) / perSecond(simulation.now)
    if (simulation.now + gap > end) return
    simulation.schedule(gap, () => {
      arrive()
      next()
    })
  }
  next()
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

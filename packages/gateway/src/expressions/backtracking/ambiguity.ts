import { type Automaton, BEGIN } from './automaton.ts'
import { spend } from './budget.ts'
import { TooComplex } from './fragments.ts'
import { type Cycles, reachable } from './cycles.ts'

/** Steps of the searches here for one pattern, together: some 10 ms. */
const MAX_STEPS = 400_000

/** What one of them takes, in steps of the budget: a look into a map, and room in it. */
const STEP = 5

/** Two repetitions that can share a text between them: it goes round in both, and leads from one to the other. */
export interface Overlap {
  readonly from: number
  readonly to: number
  /** That text. */
  readonly text: string
}

/**
 * Looks for texts that a pattern can match in many ways, which a backtracking engine tries one after another.
 * The conditions are those of A. Weber and H. Seidl, "On the degree of ambiguity of finite automata" (1991): two ways round one cycle
 * mean exponential time, a chain of n overlapping cycles time that grows with the n-th power.
 */
export class Ambiguity {
  private readonly automaton: Automaton
  private readonly cycles: Cycles
  private steps = 0

  constructor(automaton: Automaton, cycles: Cycles) {
    this.automaton = automaton
    this.cycles = cycles
  }

  /** The cycle that has two ways round for one text, with a state on it. @throws TooComplex */
  exponential(): { readonly cycle: number; readonly states: readonly number[] } | undefined {
    const before = this.steps
    try {
      for (const [cycle, states] of this.cycles.members.entries()) {
        const found = this.twoWays(cycle, states)
        if (found !== undefined) return { cycle, states: found }
      }
      return undefined
    } finally {
      spend(STEP * (this.steps - before))
    }
  }

  /** Pairs of states that the same text leads to, from one state; whether such a pair comes together again. */
  private twoWays(cycle: number, states: readonly number[]): readonly number[] | undefined {
    const { moves, size } = this.automaton
    const seen = new Set<number>()
    const queue: number[] = []
    const step = (left: number, right: number): boolean => {
      const apart = left !== right
      for (const [symbol, lefts] of moves[left].entries()) {
        const rights = moves[right][symbol]
        if (rights.length === 0) continue
        for (const [at, nextLeft] of lefts.entries()) {
          if (this.cycles.of[nextLeft] !== cycle) continue
          for (const [other, nextRight] of rights.entries()) {
            if (++this.steps > MAX_STEPS) throw new TooComplex()
            if (this.cycles.of[nextRight] !== cycle) continue
            // The same state by two ways: apart and together again within one step.
            if (nextLeft === nextRight) {
              if (apart || at !== other) return true
              continue
            }
            const key = Math.min(nextLeft, nextRight) * size + Math.max(nextLeft, nextRight)
            if (seen.has(key)) continue
            seen.add(key)
            queue.push(key)
          }
        }
      }
      return false
    }
    for (const state of states) if (step(state, state)) return [state]
    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      const [left, right] = [Math.floor(key / size), key % size]
      if (step(left, right)) return [left, right]
    }
    return undefined
  }

  /** Every pair of cycles that overlap. @throws TooComplex */
  overlaps(): Overlap[] {
    const before = this.steps
    try {
      return this.findOverlaps()
    } finally {
      spend(STEP * (this.steps - before))
    }
  }

  private findOverlaps(): Overlap[] {
    const { members, of } = this.cycles
    const found: Overlap[] = []
    // What looks through all states, twice for each cycle.
    this.steps += members.length * this.automaton.size
    if (this.steps > MAX_STEPS) throw new TooComplex()
    const after = members.map((states) => reachable(this.automaton.followers, states))
    const backwards = reversed(this.automaton.followers)
    for (const [to, targets] of members.entries()) {
      let before: Uint8Array | undefined = undefined
      for (const [from, sources] of members.entries()) {
        if (from === to || after[from][targets[0]] === 0) continue
        before ??= reachable(backwards, targets)
        const text = this.sharedText(sources, targets, before, of)
        if (text !== undefined) found.push({ from, to, text })
      }
    }
    return found
  }

  private sharedText(
    sources: readonly number[],
    targets: readonly number[],
    before: Uint8Array,
    of: readonly number[],
  ): string | undefined {
    for (const source of sources) {
      for (const target of targets) {
        const text = this.textBetween(source, target, before, of)
        if (text !== undefined) return text
      }
    }
    return undefined
  }

  /** A text that leads from `source` to itself, from `source` to `target`, and from `target` to itself. */
  private textBetween(source: number, target: number, before: Uint8Array, of: readonly number[]): string | undefined {
    const { moves, size, samples } = this.automaton
    const keyOf = (round: number, way: number, end: number): number => (round * size + way) * size + end
    const goal = keyOf(source, target, target)
    const cameFrom = new Map<number, readonly [key: number, symbol: number]>()
    const queue = [keyOf(source, source, target)]
    for (let head = 0; head < queue.length; head++) {
      const key = queue[head]
      const end = key % size
      const way = Math.floor(key / size) % size
      const round = Math.floor(key / size / size)
      for (const [symbol, rounds] of moves[round].entries()) {
        const ways = moves[way][symbol]
        const ends = moves[end][symbol]
        if (rounds.length === 0 || ways.length === 0 || ends.length === 0) continue
        for (const nextRound of rounds) {
          if (of[nextRound] !== of[source]) continue
          for (const nextEnd of ends) {
            if (of[nextEnd] !== of[target]) continue
            for (const nextWay of ways) {
              if (++this.steps > MAX_STEPS) throw new TooComplex()
              if (before[nextWay] === 0 && of[nextWay] !== of[target]) continue
              const next = keyOf(nextRound, nextWay, nextEnd)
              if (cameFrom.has(next)) continue
              cameFrom.set(next, [key, symbol])
              if (next === goal) return textTo(goal, queue[0], cameFrom, samples)
              queue.push(next)
            }
          }
        }
      }
    }
    return undefined
  }
}

function textTo(
  goal: number,
  start: number,
  cameFrom: ReadonlyMap<number, readonly [key: number, symbol: number]>,
  samples: readonly string[],
): string {
  let text = ''
  let key = goal
  do {
    const [previous, symbol] = cameFrom.get(key) as readonly [number, number]
    text = samples[symbol] + text
    key = previous
  } while (key !== start)
  return text
}

function reversed(followers: readonly (readonly number[])[]): number[][] {
  const before: number[][] = followers.map(() => [])
  for (const [from, targets] of followers.entries()) {
    if (from !== BEGIN) for (const to of targets) before[to].push(from)
  }
  return before
}

import type { Alphabet } from './alphabet.ts'
import { spend } from './budget.ts'
import type { Fragments } from './fragments.ts'

/**
 * The ways through a pattern. A state is a place in the pattern that has just matched a character (Glushkov's construction), with
 * bounded repetitions written out. Before them comes {@link BEGIN}, where a match begins, and {@link SEARCH}, which stands for
 * the places of the text at which a match was tried before.
 */
export interface Automaton {
  readonly size: number
  /** By state and symbol: the states that follow, each as often as there are ways to it. */
  readonly moves: readonly (readonly (readonly number[])[])[]
  /** By state: whatever follows, without regard to symbols. */
  readonly followers: readonly (readonly number[])[]
  /** By state: the text of its character in the pattern; where it stands is known by the repetition. */
  readonly repeats: Fragments['repeats']
  readonly samples: readonly string[]
}

export const BEGIN = 0
export const SEARCH = 1
const RESERVED = 2

/** A way counts twice at most where it repeats: two ways are what makes the time grow. */
const MAX_WAYS = 4

export function automatonOf(fragments: Fragments, alphabet: Alphabet): Automaton {
  const { whole, positions, edges } = fragments
  const size = positions.length + RESERVED
  const state = (position: number): number => position + RESERVED
  const ways: Map<number, number>[] = Array.from({ length: size }, () => new Map())
  const add = (from: number, to: number, count: number): void => {
    ways[from].set(to, (ways[from].get(to) ?? 0) + count)
  }
  // After a state from which the rest matches at once, nothing can fail that was tried before it: no way leads back past it.
  const done = new Set(whole.last.filter(({ guarded }) => !guarded).map(({ position }) => state(position)))
  const searches = !whole.empty.some(({ guarded, atStart }) => !guarded && !atStart)
  const begin = (to: number, count: number, anywhere: boolean): void => {
    if (done.has(to)) return
    add(BEGIN, to, count)
    if (anywhere) add(SEARCH, to, count)
  }
  for (const { position, count, atStart } of whole.first) begin(state(position), count, !atStart && searches)
  for (const [from, targets] of edges.entries()) {
    for (const [to, count] of targets) {
      if (done.has(state(from))) begin(state(to), 1, true)
      else if (!done.has(state(to))) add(state(from), state(to), count)
    }
  }
  if (ways[SEARCH].size > 0) {
    add(BEGIN, SEARCH, 1)
    add(SEARCH, SEARCH, 1)
  }
  const all = alphabet.samples.map((_sample, symbol) => symbol)
  const symbolsOf = (to: number): readonly number[] =>
    to < RESERVED ? all : (alphabet.symbols.get(positions[to - RESERVED]) ?? all)
  return {
    size,
    moves: ways.map((targets) => movesOf(targets, symbolsOf, all.length)),
    followers: ways.map((targets) => [...targets.keys()]),
    repeats: fragments.repeats,
    samples: alphabet.samples,
  }
}

function movesOf(
  targets: ReadonlyMap<number, number>,
  symbolsOf: (to: number) => readonly number[],
  symbolCount: number,
): number[][] {
  const moves: number[][] = Array.from({ length: symbolCount }, () => [])
  // A list of each is made.
  spend(4 * symbolCount)
  for (const [to, count] of targets) {
    const symbols = symbolsOf(to)
    spend(symbols.length * Math.min(count, MAX_WAYS))
    for (const symbol of symbols) for (let way = 0; way < Math.min(count, MAX_WAYS); way++) moves[symbol].push(to)
  }
  return moves
}

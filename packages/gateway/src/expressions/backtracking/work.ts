import { spend } from './budget.ts'
import { type Automaton, BEGIN, SEARCH } from './automaton.ts'

/** Characters of the texts that are tried. */
export const SAMPLE_LENGTH = 256

/** Ways that a bounded number of choices may multiply to before they are counted: 2^10. */
const FEW_CHOICES = 10

/** Past it the number is not followed further. */
const ENOUGH = 1e15

/**
 * How often a backtracking engine would step on to a next character, for a text that a pattern fails on in the end: all ways
 * through all beginnings of the text, counted, not gone. `next` gives the symbol, or chooses the one that leads on most ways.
 */
export function stepsOn(automaton: Automaton, next: (index: number) => number | undefined): number {
  const { moves, samples } = automaton
  let ways = new Map([[BEGIN, 1]])
  let steps = 0
  for (let index = 0; index < SAMPLE_LENGTH && steps < ENOUGH; index++) {
    const given = next(index)
    let best: Map<number, number> | undefined = undefined
    let most = 0
    for (const symbol of given === undefined ? samples.keys() : [given]) {
      const reached = new Map<number, number>()
      let count = 0
      for (const [state, number] of ways) {
        spend(1 + 3 * moves[state][symbol].length)
        for (const to of moves[state][symbol]) {
          reached.set(to, (reached.get(to) ?? 0) + number)
          count += number
        }
      }
      if (count > most) [best, most] = [reached, count]
    }
    if (best === undefined) break
    ways = best
    steps += most
  }
  return steps
}

/** The same for `text` over and over. */
export function stepsOnRepeated(automaton: Automaton, text: string): number {
  const symbols = text.split('').map((char) => automaton.samples.indexOf(char))
  return stepsOn(automaton, (index) => symbols[index % symbols.length])
}

/**
 * Whether a text could have many ways even if each choice were met once. Where a choice is met again and again is a matter of cycles,
 * which are looked at before; what is left is to count, which costs milliseconds, and most patterns do not need.
 */
export function hasManyChoices({ moves }: Automaton): boolean {
  let choices = 0
  // Where a match begins is met once: alternatives there add up and do not multiply.
  for (const bySymbol of moves.slice(SEARCH + 1)) {
    let most = 1
    for (const targets of bySymbol) most = Math.max(most, targets.length)
    choices += Math.log2(most)
    if (choices > FEW_CHOICES) return true
  }
  return false
}

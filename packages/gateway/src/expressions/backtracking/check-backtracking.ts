import { createHash } from 'node:crypto'
import { quoted } from '../expression-error.ts'
import { alphabetOf } from './alphabet.ts'
import { Ambiguity, type Overlap } from './ambiguity.ts'
import { type Automaton, automatonOf, SEARCH } from './automaton.ts'
import { isSpent, spend, stepsTaken } from './budget.ts'
import { type Cycles, cyclesOf } from './cycles.ts'
import { fragmentsOf, TooComplex } from './fragments.ts'
import { MAX_GROUP_DEPTH, parsePattern, type PatternNode } from './pattern-parser.ts'
import { hasManyChoices, SAMPLE_LENGTH, stepsOn, stepsOnRepeated } from './work.ts'

/** The longest request target by default: what a client can have matched for one request. */
const TEXT_LENGTH = 8192

/** A second of a processor that makes a step in a nanosecond. A quadratic pattern takes 7e7. */
const MAX_STEPS = 1e9

/** Of repetitions that overlap, so many make the time quadratic: a tenth of a second at most. */
const QUADRATIC = 2

/** Without these there is one way through a pattern. */
const CHOICE = /[*+?{|]/

/** The expression and its look-arounds. */
const MAX_PATTERNS = 50

const TOO_COMPLEX = 'is too complex to be checked for the time that it can take; shorten it, or write several'

const SPENT =
  'is one too many: to check the expressions of one resource for the time that they can take would itself take too long; ' +
  'write fewer or simpler ones, or divide them among several resources'

interface Verdict {
  readonly problem: string | undefined
  /** What it took to find: it counts again, so that the same resource gets the same answer every time. */
  readonly steps: number
}

/** Of patterns that were looked at last: routes have the same ones again and again, and a resource is checked more than once. */
const verdicts = new Map<string, Verdict>()
const MAX_VERDICTS = 10_000

let trusted = false

/** In a worker: what reaches it was looked at by the control thread, and looking takes time that requests need. */
export function trustExpressions(): void {
  trusted = true
}

/**
 * Whether a client can make a pattern take longer than about a second, by a text of 8 KiB. Found by looking at the pattern, in bounded
 * time, not by running it.
 * @param source what `new RegExp(source, flags)` accepts, without the flags `u` and `v`
 * @returns what is wrong and what would be right
 */
export function checkBacktracking(source: string, flags: string): string | undefined {
  if (trusted || !CHOICE.test(source)) return undefined
  if (isSpent()) return SPENT
  const key = keyOf(source, flags)
  const known = verdicts.get(key)
  if (known !== undefined) {
    spend(known.steps)
    return known.problem
  }
  const before = stepsTaken()
  const problem = look(source, flags)
  // The oldest goes first.
  if (verdicts.size >= MAX_VERDICTS) verdicts.delete(verdicts.keys().next().value!)
  verdicts.set(key, { problem, steps: stepsTaken() - before })
  return problem
}

/** Long ones are not kept. */
const keyOf = (source: string, flags: string): string =>
  `${flags}/${source.length <= 64 ? source : createHash('sha256').update(source).digest('base64')}`

function look(source: string, flags: string): string | undefined {
  spend(source.length)
  const whole = parsePattern(source)
  if (whole === undefined) return `has groups nested deeper than ${MAX_GROUP_DEPTH}; write it with fewer`
  try {
    // Look-arounds are patterns of their own, which may hold further ones.
    const patterns: PatternNode[] = [whole]
    for (const pattern of patterns) {
      const fragments = fragmentsOf(pattern, flags.includes('m'))
      patterns.push(...fragments.inner)
      if (patterns.length > MAX_PATTERNS) return TOO_COMPLEX
      const automaton = automatonOf(fragments, alphabetOf(new Set(fragments.positions), source, flags))
      const problem = judge(automaton, source)
      if (problem !== undefined) return problem
    }
    return undefined
  } catch (error) {
    if (error instanceof TooComplex) return TOO_COMPLEX
    throw error
  }
}

function judge(automaton: Automaton, source: string): string | undefined {
  const cycles = cyclesOf(automaton.followers)
  const ambiguity = new Ambiguity(automaton, cycles)
  const exponential = ambiguity.exponential()
  if (exponential !== undefined) {
    const part = repetitionOf(automaton, exponential.states, source)
    return (
      `can take exponential time: ${part} can match the same text in several ways, all of which are tried when the rest does ` +
      'not match; let each round begin with what cannot stand within one, as (a+,)+ for (a+)+, and leave out repetitions within repetitions'
    )
  }
  const overlaps = ambiguity.overlaps()
  const chain = longestChain(overlaps, cycles.members.length)
  const growth = (TEXT_LENGTH / SAMPLE_LENGTH) ** chain.length
  const texts = new Set([...chain.texts, chain.texts.join('')])
  const isLong = (steps: number): boolean => steps * growth > MAX_STEPS
  if (chain.length > QUADRATIC && [...texts].some((text) => isLong(stepsOnRepeated(automaton, text))))
    return overlapping(automaton, cycles, chain, source)
  if (hasManyChoices(automaton) && isLong(stepsOn(automaton, () => undefined))) {
    return (
      'can match the same text in too many ways, all of which are tried when the rest does not match; ' +
      'write parts that are optional or repeated so that they cannot match the same characters'
    )
  }
  return undefined
}

function overlapping(automaton: Automaton, cycles: Cycles, chain: Chain, source: string): string {
  const parts = chain.cycles
    .filter((cycle) => !cycles.members[cycle].includes(SEARCH))
    .map((cycle) => repetitionOf(automaton, cycles.members[cycle], source))
  const anchor = parts.length < chain.length ? ', begin it with ^' : ''
  return (
    `can take time that grows with the ${chain.length}th power of the text's length`.replace('3th', '3rd') +
    `: ${parts.join(', ')} can match the same characters; use repetitions that end where the next begins, as [^/]* for .*${anchor}`
  )
}

/** The outermost repetition around states, as it is written. */
function repetitionOf({ repeats }: Automaton, states: readonly number[], source: string): string {
  const positions = states.map((state) => state - SEARCH - 1)
  const around = repeats.filter(({ first, last }) =>
    positions.every((position) => position >= first && position < last),
  )
  const outermost = around[around.length - 1]
  return outermost === undefined ? 'a part of it' : quoted(source.slice(outermost.start, outermost.end))
}

interface Chain {
  readonly length: number
  readonly cycles: readonly number[]
  readonly texts: readonly string[]
}

/** Cycles are numbered in the order of the ways between them, so that every overlap leads to a higher number. */
function longestChain(overlaps: readonly Overlap[], cycleCount: number): Chain {
  const best: Chain[] = Array.from({ length: cycleCount }, (_none, cycle) => ({
    length: 1,
    cycles: [cycle],
    texts: [],
  }))
  for (const { from, to, text } of overlaps.toSorted((left, right) => left.from - right.from)) {
    if (best[from].length < best[to].length) continue
    const { length, cycles, texts } = best[from]
    best[to] = { length: length + 1, cycles: [...cycles, to], texts: [...texts, text] }
  }
  return best.reduce<Chain>((longest, chain) => (chain.length > longest.length ? chain : longest), {
    length: 0,
    cycles: [],
    texts: [],
  })
}

import { spend } from './budget.ts'
import type { PatternNode } from './pattern-parser.ts'

/** Into or out of a position, in `count` ways; `guarded` when an assertion or reference stands in the way, which may fail. */
interface Link {
  readonly position: number
  readonly count: number
  readonly guarded: boolean
  /** Behind `^`: only at the start of the text. */
  readonly atStart: boolean
}

type Empty = Omit<Link, 'position'>

/** A part of a pattern: where it can begin and end, and the ways to match nothing. */
interface Fragment {
  readonly first: readonly Link[]
  readonly last: readonly Link[]
  readonly empty: readonly Empty[]
}

/** A pattern as positions (texts of characters) and the ways from one to the next. */
export interface Fragments {
  readonly whole: Fragment
  readonly positions: readonly string[]
  readonly edges: readonly ReadonlyMap<number, number>[]
  /** Repetitions, inner ones before outer ones: positions from `first` to `last` (exclusive), and where they stand in the source. */
  readonly repeats: readonly { first: number; last: number; start: number; end: number }[]
  /** What stands in look-arounds: patterns of their own. */
  readonly inner: readonly PatternNode[]
}

/** Repetitions with a higher bound count as unbounded. */
const MAX_COPIES = 32
const MAX_POSITIONS = 8192
const MAX_EDGES = 60_000

/** What one of them takes, in steps of the budget. */
const STEP = 10

const ONCE: Empty = { count: 1, guarded: false, atStart: false }
const NOTHING: Fragment = { first: [], last: [], empty: [ONCE] }
const GUARD: Fragment = { first: [], last: [], empty: [{ ...ONCE, guarded: true }] }

/** Thrown within this folder: the pattern is too large to be looked through. */
export class TooComplex extends Error {}

/** @throws TooComplex */
export function fragmentsOf(node: PatternNode, multiline: boolean): Fragments {
  const builder = new FragmentBuilder(multiline)
  try {
    return fragments(builder, builder.build(node))
  } finally {
    spend(STEP * (builder.positions.length + builder.edgeCount))
  }
}

const fragments = (builder: FragmentBuilder, whole: Fragment): Fragments => {
  const { positions, edges, repeats, inner } = builder
  return { whole, positions, edges, repeats, inner }
}

class FragmentBuilder {
  readonly positions: string[] = []
  readonly edges: Map<number, number>[] = []
  readonly repeats: { first: number; last: number; start: number; end: number }[] = []
  readonly inner: PatternNode[] = []
  private readonly groups = new Map<string, PatternNode>()
  private readonly multiline: boolean
  private groupCount = 0
  edgeCount = 0

  constructor(multiline: boolean) {
    this.multiline = multiline
  }

  build(node: PatternNode): Fragment {
    switch (node.type) {
      case 'character':
        return this.character(node.text)
      case 'sequence':
        return node.items.reduce<Fragment>((before, item) => this.joined(before, this.build(item)), NOTHING)
      case 'alternatives':
        return alternativesOf(node.items.map((item) => this.build(item)))
      case 'repeat':
        return this.repeat(node)
      case 'group':
        return this.group(node.name, node.item)
      case 'look':
        this.inner.push(node.item)
        return GUARD
      case 'assertion':
        if (node.kind === 'start' && !this.multiline) return { ...NOTHING, empty: [{ ...ONCE, atStart: true }] }
        return GUARD
      case 'reference':
        return this.reference(node.name)
    }
  }

  private character(text: string): Fragment {
    const position = this.positions.length
    if (position >= MAX_POSITIONS) throw new TooComplex()
    this.positions.push(text)
    this.edges.push(new Map())
    const links = [{ ...ONCE, position }]
    return { first: links, last: links, empty: [] }
  }

  private group(name: string, item: PatternNode): Fragment {
    const fragment = this.build(item)
    // Known from here on: a reference within the group itself matches nothing.
    this.groups.set(name, item)
    this.groupCount++
    if (/^\D/.test(name)) this.groups.set(String(this.groupCount), item)
    return fragment
  }

  /** What a group has matched is some text that it can match. That it is the same text may fail. */
  private reference(name: string): Fragment {
    const item = this.groups.get(name)
    if (item === undefined) return GUARD
    const fragment = this.joined(this.build(item), GUARD)
    return { ...fragment, empty: [{ ...ONCE, guarded: true }] }
  }

  private repeat(node: PatternNode & { type: 'repeat' }): Fragment {
    const first = this.positions.length
    const fragment = this.copies(node)
    const { start, end } = node
    this.repeats.push({ first, last: this.positions.length, start, end })
    return fragment
  }

  private copies({ item, min, max }: PatternNode & { type: 'repeat' }): Fragment {
    if (max === 0) return NOTHING
    if (min === 0 && max === Infinity) return optional(this.loop(this.build(item)))
    if (min === 1 && max === Infinity) return this.loop(this.build(item))
    const one = this.build(item)
    const long = Math.max(min, max === Infinity ? 0 : max) > MAX_COPIES
    if (long && one.empty.length === 0) return min === 0 ? optional(this.loop(one)) : this.loop(one)
    // One copy is made already; those that must be there come first, then (a(a(a)?)?)?.
    const all = long ? MAX_COPIES : max === Infinity ? Math.max(min, 1) : max
    const needed = Math.min(min, all)
    const endless = long || max === Infinity
    const copies = [one]
    while (copies.length < all) copies.push(this.build(item))
    let rest: Fragment = NOTHING
    for (let index = all - 1; index >= 0; index--) {
      const copy = endless && index === all - 1 ? this.loop(copies[index]) : copies[index]
      const joined = this.joined(copy, rest)
      rest = index < needed ? joined : optional(joined)
    }
    return rest
  }

  private loop(item: Fragment): Fragment {
    this.connect(item.last, item.first)
    return item
  }

  private joined(left: Fragment, right: Fragment): Fragment {
    this.connect(left.last, right.first)
    return {
      first: merged([...left.first, ...product(right.first, left.empty)]),
      // What stands behind `^` cannot follow a character.
      last: merged([...right.last, ...product(left.last, right.empty).filter(({ atStart }) => !atStart)]),
      empty: mergedEmpty(product(right.empty, left.empty)),
    }
  }

  private connect(from: readonly Link[], to: readonly Link[]): void {
    for (const last of from) {
      const targets = this.edges[last.position]
      for (const first of to) {
        if (first.atStart) continue
        if (++this.edgeCount > MAX_EDGES) throw new TooComplex()
        targets.set(first.position, (targets.get(first.position) ?? 0) + last.count * first.count)
      }
    }
  }
}

/** An iteration that matches nothing ends a repetition in JavaScript, so that one way to match nothing is left. */
const optional = (item: Fragment): Fragment => ({ ...item, empty: [ONCE] })

function alternativesOf(items: readonly Fragment[]): Fragment {
  return {
    first: merged(items.flatMap(({ first }) => first)),
    last: merged(items.flatMap(({ last }) => last)),
    empty: mergedEmpty(items.flatMap(({ empty }) => empty)),
  }
}

function product<T extends Empty>(items: readonly T[], factors: readonly Empty[]): T[] {
  return items.flatMap((item) =>
    factors.map((factor) => ({
      ...item,
      count: item.count * factor.count,
      guarded: item.guarded || factor.guarded,
      atStart: item.atStart || factor.atStart,
    })),
  )
}

const kindOf = ({ guarded, atStart }: Empty): number => (guarded ? 1 : 0) + (atStart ? 2 : 0)

const merged = (links: readonly Link[]): readonly Link[] => summed(links, (link) => link.position * 4 + kindOf(link))

const mergedEmpty = (links: readonly Empty[]): readonly Empty[] => summed(links, kindOf)

function summed<T extends Empty>(items: readonly T[], keyOf: (item: T) => number): readonly T[] {
  if (items.length < 2) return items
  const sums = new Map<number, T>()
  for (const item of items) {
    const known = sums.get(keyOf(item))
    sums.set(keyOf(item), known === undefined ? item : { ...item, count: known.count + item.count })
  }
  return [...sums.values()]
}

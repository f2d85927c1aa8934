import type { Pattern, Tail } from './pattern.ts'

/** What a pattern asks beyond its place in the tree: names to capture, and text after a `*`. */
export interface Shape {
  readonly parameters: readonly string[]
  readonly wildcardName: string | undefined
  readonly tail: Tail | undefined
}

/** A candidate has 18 bits for the number of its shape. Most tables have ten or twenty shapes. */
export const MAX_SHAPES = 2 ** 18 - 1

/**
 * The shapes in use, each kept once and named by a number from 1 on: thousands of routes that end in `/:id` share one,
 * which therefore stays in the processor's cache.
 */
export class Shapes {
  /** By number. A number that is free holds undefined. */
  readonly list: (Shape | undefined)[] = [undefined]
  readonly #uses: number[] = [0]
  readonly #numbers = new Map<string, number>()
  readonly #free: number[] = []

  /** How many are in use. */
  get size(): number {
    return this.#numbers.size
  }

  /** The number of the pattern's shape, one use more; 0 when it asks for nothing. */
  take(pattern: Pattern): number {
    const { parameters, wildcardName, tail } = pattern
    if (parameters.length === 0 && wildcardName === undefined && tail === undefined) return 0
    const shape: Shape = { parameters, wildcardName, tail }
    const key = JSON.stringify(shape)
    const known = this.#numbers.get(key)
    if (known !== undefined) {
      this.#uses[known]++
      return known
    }
    const number = this.#free.pop() ?? this.list.length
    if (number > MAX_SHAPES)
      throw new RangeError(`the routes have more than ${MAX_SHAPES} different sets of parameter names`)
    this.list[number] = shape
    this.#uses[number] = 1
    this.#numbers.set(key, number)
    return number
  }

  /** One use less. */
  give(number: number): void {
    if (number === 0 || --this.#uses[number] > 0) return
    this.#numbers.delete(JSON.stringify(this.list[number]))
    this.list[number] = undefined
    this.#free.push(number)
  }
}

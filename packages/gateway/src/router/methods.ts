import { RouteError } from './route.ts'

// The ten methods that APISIX knows, then room for those that a program using the router as a library names.
const KNOWN = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'PURGE']

/** A method that no route names: only routes without `methods` (all bits set) have this bit. */
const OTHER = 1 << 30
const MAX_METHODS = 30

/** No restriction. */
export const EVERY_METHOD = -1

/** Gives each method a bit, so that a route's `methods` are one integer. */
export class MethodBits {
  readonly #bits = new Map<string, number>(KNOWN.map((method, index) => [method, 1 << index]))

  /** The bit of a request's method. */
  bitOf(method: string): number {
    if (method === 'GET') return 1
    return this.#bits.get(method) ?? OTHER
  }

  /** @throws RouteError when more methods are named than an integer has bits for */
  maskOf(methods: readonly string[] | undefined): number {
    if (methods === undefined || methods.length === 0) return EVERY_METHOD
    let mask = 0
    for (const [index, method] of methods.entries()) mask |= this.#claim(method, index)
    return mask
  }

  #claim(method: string, index: number): number {
    const known = this.#bits.get(method)
    if (known !== undefined) return known
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method))
      throw new RouteError('methods', `/${index}`, `"${method}" is not a method`)
    if (this.#bits.size >= MAX_METHODS)
      throw new RouteError('methods', `/${index}`, `more than ${MAX_METHODS} different methods`)
    const bit = 1 << this.#bits.size
    this.#bits.set(method, bit)
    return bit
  }
}

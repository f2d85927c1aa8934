// Measures the router alone, in a process of its own for each size: one size must not train the compiler for the
// next. Takes the number of routes, prints JSON. Needs --expose-gc for the memory.
import { existsSync } from 'node:fs'

/** Different requests asked for; a multiple of the three kinds. 12,000 paths are more than a core's cache holds. */
const SAMPLES = 12_000

/** The time of a measurement is the best of so many passes: what others on the machine do can only add to it. */
const PASSES = 30

/** Routes inserted into and removed from the full router, one by one. */
const INSERTS = 200

const size = Number(process.argv[2])
const { Router } = await loadRouter()
const random = seeded(size)

/** @typedef {{ pattern: string, path: string }} Example */

/** Patterns of three kinds, and a path that each of them matches. @type {((index: number) => Example)[]} */
const KINDS = [
  (index) => ({ pattern: `/api/v1/service${index}/orders`, path: `/api/v1/service${index}/orders` }),
  (index) => ({ pattern: `/files/tenant${index}/*`, path: `/files/tenant${index}/2026/report.pdf` }),
  (index) => ({ pattern: `/users/group${index}/:id/cart`, path: `/users/group${index}/31415/cart` }),
]

const examples = Array.from({ length: size }, (_, index) => KINDS[index % KINDS.length](index))

globalThis.gc?.()
const heapBefore = process.memoryUsage().heapUsed
const loadStart = performance.now()
const router = new Router()
for (const [index, { pattern }] of examples.entries()) router.insert(spec(pattern, index))
const loadMs = performance.now() - loadStart
globalThis.gc?.()
const heapPerRoute = (process.memoryUsage().heapUsed - heapBefore) / size

const [exactNanos, prefixNanos, parameterNanos] = KINDS.map((_, kind) =>
  matchNanos(pick((index) => index % KINDS.length === kind)),
)
const mixedNanos = matchNanos(pick(() => true))
const insertMicros = insertOneByOne()

process.stdout.write(
  JSON.stringify({ exactNanos, prefixNanos, parameterNanos, mixedNanos, insertMicros, loadMs, heapPerRoute }),
)

/**
 * Routes in random order, each with the value that the router must find.
 * @param {(index: number) => boolean} wanted
 */
function pick(wanted) {
  /** @type {number[]} */
  const indices = []
  while (indices.length < SAMPLES) {
    const index = Math.floor(random() * size)
    if (wanted(index)) indices.push(index)
  }
  return indices
}

/**
 * Nanoseconds for one match. Paths are cut afresh out of one long text, as a codec cuts them out of a head: a string
 * that was looked up before carries its hash, and a request's never was. The cutting is in the figure.
 * @param {number[]} indices
 */
function matchNanos(indices) {
  const text = indices.map((index) => examples[index].path).join('')
  const ends = new Uint32Array(indices.length)
  for (let at = 0, end = 0; at < indices.length; at++) ends[at] = end += examples[indices[at]].path.length
  const request = {
    method: 'GET',
    path: '',
    host: 'api.example.com',
    remoteAddr: '127.0.0.1',
    uriParams: undefined,
    variable: () => undefined,
  }
  let best = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < PASSES; pass++) {
    let wrong = 0
    const start = performance.now()
    for (let at = 0, from = 0; at < ends.length; at++) {
      const end = ends[at]
      request.path = text.slice(from, end)
      request.uriParams = undefined
      if (router.match(request) !== indices[at]) wrong++
      from = end
    }
    best = Math.min(best, performance.now() - start)
    if (wrong > 0) throw new Error(`the router found the wrong route for ${wrong} of ${ends.length} paths`)
  }
  return (best * 1e6) / indices.length
}

/** Microseconds for one insertion into the full router: the median. */
function insertOneByOne() {
  const durations = []
  for (let index = 0; index < INSERTS; index++) {
    const added = spec(KINDS[index % KINDS.length](size + index).pattern, size + index)
    const start = performance.now()
    router.insert(added)
    durations.push((performance.now() - start) * 1000)
  }
  for (let index = 0; index < INSERTS; index++) router.remove(`r${size + index}`)
  return durations.sort((left, right) => left - right)[INSERTS >> 1]
}

/**
 * @param {string} pattern
 * @param {number} index
 */
function spec(pattern, index) {
  return { id: `r${index}`, uris: [pattern], hosts: [], priority: 0, value: index }
}

/** Mulberry32: the same routes are asked for in every run. @param {number} state */
function seeded(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The router is not among what the package exports for everybody, so its own file is loaded. */
async function loadRouter() {
  const dist = new URL('../../packages/gateway/dist/router/', import.meta.url)
  const file = ['index.js', 'router.js'].map((name) => new URL(name, dist)).find((url) => existsSync(url))
  if (file === undefined) throw new Error('packages/gateway is not built')
  return await import(file.href)
}

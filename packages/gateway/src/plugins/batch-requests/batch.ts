/** What a client wants to be answered. */
export interface Batch {
  readonly timeoutMs: number
  readonly items: readonly BatchItem[]
}

export interface BatchItem {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | undefined
}

const DEFAULT_TIMEOUT_MS = 30_000
/** Longer nobody waits for a list. */
export const MAX_TIMEOUT_MS = 300_000
/** Names in one `headers` or `query`: what is for all is copied to each request, a thousand times. */
const MAX_NAMES = 100
/** Characters of one `headers` or `query`; what is sent has limits of its own. */
const MAX_CHARACTERS = 16_384

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads the list of a client; a text says what is wrong with it. */
export function readBatch(text: string, maxItems: number): Batch | string {
  let written: unknown
  try {
    written = JSON.parse(text)
  } catch {
    return 'the body is not JSON'
  }
  if (!isObject(written)) return 'the body must be an object with "pipeline"'
  const { pipeline, timeout = DEFAULT_TIMEOUT_MS, query = {}, headers = {} } = written
  if (!Array.isArray(pipeline) || pipeline.length === 0) return '"pipeline" must be a list of one request or more'
  if (pipeline.length > maxItems) return `"pipeline" has ${pipeline.length} requests, of at most ${maxItems}`
  if (typeof timeout !== 'number' || !(timeout > 0)) return '"timeout" must be a number of milliseconds'
  const problem = fieldsProblem('query', query) ?? fieldsProblem('headers', headers)
  if (problem !== undefined) return problem
  const [sharedQuery, sharedHeaders] = [query as Fields, headers as Fields]
  const items: BatchItem[] = []
  for (const [index, item] of pipeline.entries()) {
    const read = readItem(item, sharedQuery, sharedHeaders)
    if (typeof read === 'string') return `pipeline[${index}]: ${read}`
    items.push(read)
  }
  return { timeoutMs: timeout, items }
}

function readItem(item: unknown, sharedQuery: Fields, sharedHeaders: Fields): BatchItem | string {
  if (!isObject(item)) return 'must be an object with "path"'
  const { path, method = 'GET', query = {}, headers = {}, body } = item
  if (typeof path !== 'string' || !path.startsWith('/')) return '"path" must be a path, beginning with "/"'
  if (typeof method !== 'string') return '"method" must be a text'
  const problem = fieldsProblem('query', query) ?? fieldsProblem('headers', headers)
  if (problem !== undefined) return problem
  if (body !== undefined && typeof body !== 'string') return '"body" must be a text'
  return {
    method,
    target: withQuery(path, { ...sharedQuery, ...(query as Fields) }),
    headers: [...merged(sharedHeaders, headers as Fields)],
    body,
  }
}

function fieldsProblem(name: 'query' | 'headers', written: unknown): string | undefined {
  if (!isObject(written)) return `"${name}" must be an object`
  const fields = Object.entries(written)
  if (fields.length > MAX_NAMES) return `"${name}" has ${fields.length} names, of at most ${MAX_NAMES}`
  let characters = 0
  for (const [key, value] of fields) {
    const values: readonly unknown[] = name === 'query' && Array.isArray(value) ? value : [value]
    for (const one of values) {
      if (typeof one === 'object' && one !== null) return `"${name}" must hold texts, numbers and truth values`
      characters += key.length + String(one).length
    }
    if (characters > MAX_CHARACTERS) return `"${name}" is longer than ${MAX_CHARACTERS} characters`
  }
  return undefined
}

function withQuery(path: string, query: Fields): string {
  const parameters = Object.entries(query)
    .flatMap(([name, value]) => (Array.isArray(value) ? value.map((one: unknown) => [name, one]) : [[name, value]]))
    .map(([name, value]) => `${encodeURIComponent(String(name))}=${encodeURIComponent(String(value))}`)
  if (parameters.length === 0) return path
  return `${path}${path.includes('?') ? '&' : '?'}${parameters.join('&')}`
}

/** Those of the request win, whatever case they are written in. */
function merged(shared: Fields, own: Fields): Map<string, string> {
  const all = new Map<string, string>()
  for (const [name, value] of [...Object.entries(shared), ...Object.entries(own)])
    all.set(name.toLowerCase(), String(value))
  return all
}

import type { Sent } from './batch-queue.ts'

/** The major version of Elasticsearch that `GET /` tells; undefined for OpenSearch, which knows no versioned media types. */
export function versionOf(text: string): string | undefined {
  try {
    const { version } = JSON.parse(text) as { version?: { number?: unknown; distribution?: unknown } }
    if (version?.distribution !== undefined || typeof version?.number !== 'string') return undefined
    return /^(\d+)\./.exec(version.number)?.[1]
  } catch {
    return undefined
  }
}

/** Media types as each version takes them: 8 answers clients of 7 so, 9 those of 8 (Elasticsearch's REST API compatibility). */
export function bulkMediaTypes(version: string | undefined): { 'Content-Type': string; Accept: string } {
  const compatible = version === '8' ? ';compatible-with=7' : version === '9' ? ';compatible-with=8' : undefined
  if (compatible === undefined) return { 'Content-Type': 'application/x-ndjson', Accept: 'application/json' }
  return {
    'Content-Type': `application/vnd.elasticsearch+x-ndjson${compatible}`,
    Accept: `application/vnd.elasticsearch+json${compatible}`,
  }
}

interface BulkItem {
  readonly create?: { readonly status?: number; readonly error?: { readonly type?: string; readonly reason?: string } }
}

/** What a `_bulk` answer says of each entry; they are in the order of the request. */
export function bulkResult(text: string, entries: readonly string[]): Sent<string> & { readonly reason: string } {
  const answer = parsed(text)
  const items = answer?.items
  if (answer?.errors !== true || !Array.isArray(items)) return { again: [], refused: 0, reason: '' }
  const again: string[] = []
  let refused = 0
  let reason = ''
  for (const [at, entry] of entries.entries()) {
    const { status = 200, error } = (items[at] as BulkItem | undefined)?.create ?? {}
    if (status < 300) continue
    if (status === 429 || status >= 500) again.push(entry)
    else {
      refused++
      if (reason === '') reason = `${status} ${error?.type ?? ''}: ${error?.reason ?? ''}`.slice(0, 300)
    }
  }
  return { again, refused, reason }
}

function parsed(text: string): { readonly errors?: unknown; readonly items?: unknown } | undefined {
  try {
    return JSON.parse(text) as object
  } catch {
    // It said 200: the entries are there.
    return undefined
  }
}

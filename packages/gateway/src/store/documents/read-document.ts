import type { Finding } from '../../config/problem.ts'
import { MAX_DOCUMENT_BYTES } from '../backend/check-commit.ts'

/** Objects and lists within each other. What people write has some ten. */
export const MAX_DEPTH = 64

export type ReadDocument = { readonly value: Readonly<Record<string, unknown>> } | { readonly problem: Finding }

/** Reads the text of a document as it lies in a store, where others may write, too. */
export function readDocument(text: string, path: string): ReadDocument {
  if (text.length > MAX_DOCUMENT_BYTES)
    return refused(path, `has ${text.length} characters, and a document has at most ${MAX_DOCUMENT_BYTES} bytes`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refused(path, `is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return refused(path, 'must be an object')
  const problem = structureProblem(value)
  return problem === undefined ? { value: value as Record<string, unknown> } : refused(path, problem)
}

/** What no resource may have, whatever its schema says. Without recursion: depth is what is looked for. */
export function structureProblem(value: object): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `has more than ${MAX_DEPTH} objects and lists within each other`
    const next: unknown[] = []
    for (const part of level) {
      if (part === null || typeof part !== 'object') continue
      if (Object.hasOwn(part, '__proto__')) return 'has a key "__proto__"'
      if (Array.isArray(part)) for (const item of part) next.push(item)
      else for (const key in part) next.push((part as Record<string, unknown>)[key])
    }
    level = next
  }
  return undefined
}

const refused = (path: string, message: string): ReadDocument => ({ problem: { path, message } })

import type { ResourceKind } from '@sekisho/gateway/internal/resources/kind-names'

/** A resource as it is kept, with its id. */
export type Document = Readonly<Record<string, unknown>>

/** How one resource differs; a side that is missing or null: it is not there. */
export interface Difference {
  readonly kind: ResourceKind
  readonly id: string
  readonly before?: Document | null
  readonly after?: Document | null
}

/** What the Admin API has against a change. */
export interface AdminProblem {
  /** JSON Pointer from the kind and id of a resource on: `/routes/hello/uri`. */
  readonly path: string
  readonly value?: string
  readonly message: string
  readonly remedy?: string
}

/** A change that was made, or would be. */
export interface ChangeAnswer {
  readonly revision: number
  readonly changes: readonly Difference[]
}

/** A change that is refused whole. */
export interface RefusedAnswer {
  readonly message: string
  readonly problems: readonly AdminProblem[]
}

export const isRefused = (answer: ChangeAnswer | RefusedAnswer): answer is RefusedAnswer => 'problems' in answer

/** One entry of the history. */
export interface HistoryEntry {
  readonly revision: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly author?: { readonly who: string; readonly from: string; readonly comment?: string } | null
  readonly changes: readonly Difference[]
}

import type { Finding } from './problem.ts'
import type { Position } from './line-index.ts'

/** Where something stands in a file. */
export interface Place extends Position {
  readonly source: string | undefined
  /** What is written there, when the environment made something else of it: `${{NAME}}` may stand for a secret. */
  readonly written?: string
}

/** A configuration that was read: its value, and where each part of it stands. */
export interface ConfigSource {
  readonly file: string
  readonly value: unknown
  /** The place of the part that `path` (a JSON Pointer) names, or of the nearest part around it that exists. */
  locate(path: string, atKey: boolean): Place
}

/** A file that could not be read as what it should be: places are known already. */
export interface SyntaxFinding extends Finding {
  readonly place: Place
}

/** What a reader returns. */
export type ReadResult = { readonly source: ConfigSource } | { readonly findings: readonly SyntaxFinding[] }

/** The place of things that stand on no line. */
export const NO_PLACE: Place = { line: 0, column: 0, source: undefined }

import { isSecretName } from './secret-fields.ts'

/** Something that is wrong with a configuration, and what would be right. */
export interface ConfigProblem {
  /** As given to the loader. */
  readonly file: string
  /** Counted from 1; 0 when the place has no line (a TypeScript or JavaScript configuration, a file that cannot be read). */
  readonly line: number
  /** Counted from 1, in UTF-16 units as editors count; 0 when there is no line. */
  readonly column: number
  /** JSON Pointer (RFC 6901) into the document; '' is the document itself. */
  readonly path: string
  /** The offending value as short JSON text; undefined where there is none (something is missing, or the syntax is wrong). */
  readonly value: string | undefined
  /** What is wrong: reads on after the value. */
  readonly message: string
  /** What to write instead; undefined where the message says it all. */
  readonly remedy: string | undefined
  /** The line as it stands in the file, for the renderer; undefined when there is none. */
  readonly source: string | undefined
}

/** A problem before its place in the file is known. */
export interface Finding {
  /** JSON Pointer. */
  readonly path: string
  /** The key itself is wrong, not its value. */
  readonly atKey?: boolean
  readonly value?: string | undefined
  readonly message: string
  readonly remedy?: string | undefined
}

/** Problems shown at once: nobody reads more before fixing the first ones. */
export const MAX_PROBLEMS = 100

/**
 * Findings collected before they are sorted by place and cut to MAX_PROBLEMS. More of them than are shown, so that the
 * first ones in the file are shown although the checks do not go through it from top to bottom.
 */
export const MAX_FINDINGS = 1000

/** A bounded list of findings. */
export class Findings {
  readonly list: Finding[] = []

  get full(): boolean {
    return this.list.length >= MAX_FINDINGS
  }

  add(finding: Finding): void {
    if (this.full) return
    const { path, value } = finding
    const isShown = value === undefined || REFERENCE.test(value) || !isSecretPlace(path)
    this.list.push(isShown ? finding : { ...finding, value: HIDDEN })
  }
}

/** Longest value shown, in characters. */
const MAX_VALUE_LENGTH = 60

/** A value as short JSON text for a message. */
export function shortValue(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = typeof value === 'function' ? 'a function' : shallow(value)
  return shortText(text)
}

/** A text cut to what fits into a message. */
export const shortText = (text: string): string =>
  text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text

/** Names in a path may be as long as a document. */
const MAX_PATH_LENGTH = 500

/** A path cut to what is still of use to people. */
export const shortPath = (path: string): string =>
  path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH - 1)}…` : path

/** Large collections are not written out only to be cut. */
function shallow(value: unknown): string {
  if (Array.isArray(value) && value.length > 8) return `a list of ${value.length}`
  if (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 8)
    return '{…}'
  const text = JSON.stringify(value, (name, part: unknown) =>
    isSecretName(name) && typeof part === 'string' ? HIDDEN : part,
  )
  return text ?? String(value)
}

/** Problems are shown in logs: a secret that is wrong is one still, or the one of tomorrow but for a letter. */
const HIDDEN = '***'

/** Where a secret is, is none. */
const REFERENCE = /^"?\$(env|file|secret):\/\//

/** Names that are a secret only where they stand: of consumers, and of two plugins. */
const NAMED_BY_PLACE = /^\/consumers\/.*\/plugins\/[^/]+\/(key|pass)$|\/csrf\/key$|\/http-logger\/auth_header$/

function isSecretPlace(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return isSecretName(name) || NAMED_BY_PLACE.test(path)
}

/** `~` and `/` are written `~0` and `~1` in a JSON Pointer. */
export const pointerPart = (part: string | number): string => String(part).replaceAll('~', '~0').replaceAll('/', '~1')

/** The parts of a JSON Pointer. */
export function pointerParts(path: string): string[] {
  return path === ''
    ? []
    : path
        .slice(1)
        .split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

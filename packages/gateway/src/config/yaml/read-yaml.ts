import { type Document, isAlias, isMap, isScalar, isSeq, parseDocument, type YAMLError } from 'yaml'
import { type Environment, type Substituted, substituteEnvironment } from '../environment.ts'
import { LineIndex } from '../line-index.ts'
import { pointerParts } from '../problem.ts'
import type { ConfigSource, Place, ReadResult, SyntaxFinding } from '../source.ts'
import { readPlainYaml } from './plain.ts'
import { countValues, MAX_VALUES } from './weight.ts'

/** `merge`: `<<` is widely used, though it left the standard with YAML 1.2. */
const OPTIONS = { merge: true, prettyErrors: false } as const

/** What to do about the errors that people make most; the library's own words say the rest. */
const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'align it with the lines above',
  DUPLICATE_KEY: 'keep one of them',
  MISSING_CHAR: 'check brackets and quotes up to here',
  MULTIPLE_DOCS: 'write everything into one document, without "---"',
  TAG_RESOLVE_FAILED: 'quote values that begin with "!"',
}

/** Where the library's words would not help. */
const WORDS: Readonly<Record<string, (text: string, offset: number) => string>> = {
  DUPLICATE_KEY: (text, offset) => `${keyAt(text, offset)} is there twice`,
  MULTIPLE_DOCS: () => 'a second document begins here',
}

/** Reads YAML 1.2 with environment substitution. Environment references come first: they are replaced in the text. */
export function readYaml(file: string, written: string, environment: Environment): ReadResult {
  const substituted = substituteEnvironment(written, environment)
  if (substituted.findings.length > 0) return { findings: substituted.findings }
  const plain = readPlainYaml(substituted.text)
  if (plain !== undefined) return { source: new YamlSource(file, written, substituted, plain.value, undefined) }
  return readWithLibrary(file, written, substituted)
}

function readWithLibrary(file: string, written: string, substituted: Substituted): ReadResult {
  try {
    const document = parseDocument(substituted.text, OPTIONS)
    // A warning is a tag that nobody knows: its value would not be what was meant.
    const errors = [...document.errors, ...document.warnings]
    if (errors.length > 0) return { findings: syntaxFindings(errors, written, substituted) }
    // The library's limit counts how often an alias is used: 10,000 routes may well share one.
    const value: unknown = document.toJS({ maxAliasCount: -1 })
    if (countValues(value) > MAX_VALUES) throw new Error(`its aliases stand for more than ${MAX_VALUES} values`)
    return { source: new YamlSource(file, written, substituted, value, document) }
  } catch (error) {
    // Nesting too deep for the library's recursion, or an alias that cannot be followed.
    const message = error instanceof RangeError ? 'is nested too deeply' : (error as Error).message
    return { findings: [{ path: '', message, place: placeAt(new LineIndex(written), 0) }] }
  }
}

function syntaxFindings(errors: readonly YAMLError[], written: string, substituted: Substituted): SyntaxFinding[] {
  const lines = new LineIndex(written)
  // One mistake makes several errors at one place; the first says what happened.
  const seen = new Set<number>()
  const first = errors.filter(({ pos }) => !seen.has(pos[0]) && seen.add(pos[0]))
  return first.map(({ code, message, pos }) => ({
    path: '',
    message: WORDS[code]?.(substituted.text, pos[0]) ?? lowerFirst(message),
    remedy: REMEDIES[code],
    place: placeAt(lines, substituted.original(pos[0])),
  }))
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const keyAt = (text: string, offset: number): string =>
  `the key "${/^["']?([^\n:"']*)/.exec(text.slice(offset, offset + 100))?.[1]?.trim() ?? ''}"`

const placeAt = (lines: LineIndex, offset: number): Place => {
  const position = lines.position(offset)
  return { ...position, source: lines.line(position.line) }
}

/** Positions come from the library's nodes, which are made when the first place is asked for. */
class YamlSource implements ConfigSource {
  readonly file: string
  readonly value: unknown
  readonly #written: string
  readonly #substituted: Substituted
  #document: Document | undefined
  #lines: LineIndex | undefined

  constructor(file: string, written: string, substituted: Substituted, value: unknown, document: Document | undefined) {
    this.file = file
    this.value = value
    this.#written = written
    this.#substituted = substituted
    this.#document = document
  }

  locate(path: string, atKey: boolean): Place {
    this.#document ??= parseDocument(this.#substituted.text, OPTIONS)
    this.#lines ??= new LineIndex(this.#written)
    const [start, end] = rangeOf(this.#document, pointerParts(path), atKey)
    const place = placeAt(this.#lines, this.#substituted.original(start))
    if (!this.#substituted.replaced(start, end)) return place
    const substituted = this.#substituted
    return { ...place, written: this.#written.slice(substituted.original(start), substituted.original(end)) }
  }
}

type Range = readonly [start: number, end: number]

const rangeOfNode = (node: unknown): Range | undefined => {
  const range = (node as { range?: readonly number[] | null } | undefined | null)?.range
  return range ? [range[0] ?? 0, range[1] ?? 0] : undefined
}

/** The range of the deepest node on the path that exists. */
function rangeOf(document: Document, parts: readonly string[], atKey: boolean): Range {
  let node: unknown = document.contents
  let range = rangeOfNode(node) ?? [0, 0]
  for (const [index, part] of parts.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    let key: Range | undefined
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) => String(isScalar(name) ? name.value : name) === part)
      if (pair === undefined) return range
      key = rangeOfNode(pair.key)
      node = pair.value
    } else if (isSeq(node)) node = node.items[Number(part)]
    else return range
    range = (atKey && index === parts.length - 1 ? key : rangeOfNode(node)) ?? key ?? range
  }
  return range
}

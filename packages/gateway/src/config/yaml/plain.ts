import { nextLine, readBlock } from './block.ts'
import { type Cursor, UNFAMILIAR } from './cursor.ts'

/** Line ends other than `\n`, tabs, control characters, spaces of other scripts (which `trimEnd` would trim). */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNUSUAL = /[\0-\x09\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/

/**
 * Reads the part of YAML that configurations are written in: block and flow collections, scalars on one line, literal
 * block scalars, comments. Returns undefined when the text is not surely in that part, right or wrong: then the `yaml`
 * library reads it, and reports what is wrong.
 *
 * Why it exists: the library takes 1.4 s of CPU for 10,000 routes (its lexer and syntax tree are two thirds of
 * it, and cannot be left out), this takes 0.1 s. Rejected: js-yaml, a second full YAML with rules of its own.
 * What keeps the two in agreement: this one gives up on everything unusual, and `plain.test.ts` compares them on
 * thousands of generated and damaged documents.
 */
export function readPlainYaml(written: string): { value: unknown } | undefined {
  // Windows' line ends mean the same; inside text over several lines, which is left to the library anyway, too.
  const text = written.includes('\r\n') ? written.replaceAll('\r\n', '\n') : written
  if (UNUSUAL.test(text)) return undefined
  const cursor: Cursor = { text, pos: 0 }
  try {
    const indent = nextLine(cursor)
    if (indent !== 0) return undefined
    const value = readBlock(cursor, 0, 0)
    return nextLine(cursor) === -1 ? { value } : undefined
  } catch (error) {
    if (error === UNFAMILIAR) return undefined
    throw error
  }
}

import type Protobuf from 'protobufjs'
import { ProtoError, type ProtoProblem } from './proto-problem.ts'
import { SourceText } from './source-text.ts'

/** A source taken apart. Names in it are not resolved yet. */
export interface ParsedSource {
  readonly text: SourceText
  /** '' when it has none. */
  readonly packageName: string
  /** What stands at the top level. */
  readonly scope: Protobuf.NamespaceBase
}

/** Parses one file. Throws a ProtoError for what is no Protobuf. */
export function parseSource(protobuf: typeof Protobuf, name: string, text: string): ParsedSource {
  const source = new SourceText(name, text)
  try {
    // A root for each file: protobufjs keeps no borders between files of one root.
    const root = new protobuf.Root()
    const parsed = protobuf.parse(text, root, { keepCase: true })
    const packageName = (parsed.package ?? '').replace(/^\./, '')
    const scope = packageName === '' ? root : (root.lookup(packageName) as Protobuf.NamespaceBase)
    return { text: source, packageName, scope }
  } catch (error) {
    throw new ProtoError(problemOf(source, error))
  }
}

/** What protobufjs says, with the column, which it does not know. */
function problemOf(source: SourceText, error: unknown): ProtoProblem {
  const message = error instanceof Error ? error.message : String(error)
  const expected = /^illegal token '([^]*)', '(.*)' expected \((?:.*, )?line (\d+)\)$/.exec(message)
  if (expected !== null) {
    const [, token, wanted, line] = expected
    if (token === 'null')
      return source.problemAtToken('', Number(line), `the source ends where "${wanted}" is expected`)
    return source.problemAtToken(token, Number(line), `"${token}" stands where "${wanted}" is expected`)
  }
  const illegal = /^illegal (.*?)(?: '([^]*)')? \((?:.*, )?line (\d+)\)$/.exec(message)
  if (illegal !== null) {
    const [, what, token, line] = illegal
    if (token === undefined) return source.problemAtToken('', Number(line), `${what} is not closed or not allowed`)
    if (token === 'null') return source.problemAtToken('', Number(line), 'the source ends too early')
    const role = what === 'token' ? 'cannot stand here' : `is no ${what}`
    return source.problemAtToken(token, Number(line), `"${token}" ${role}`)
  }
  const duplicate = /^duplicate (?:name|id) '?([\w.]+)'? in (?:\w+ )?\.?([\w.]*)$/.exec(message)
  if (duplicate !== null) return source.problemAtName(duplicate[1], message, duplicate[2].split('.').pop())
  return { file: source.name, line: 0, column: 0, message }
}

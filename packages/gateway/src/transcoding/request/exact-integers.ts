import type { DescMessage } from '@bufbuild/protobuf'

/** Strings, and integers that may be too large for a JavaScript number. */
const STRING_OR_LONG = /"(?:\\.|[^"\\])*"|(?<![\d.eE+-])-?[1-9]\d{15,}(?![\d.eE])/g

/**
 * JSON in which integers that JavaScript's numbers cannot hold are written as text, which 64-bit fields take and which loses nothing.
 * `JSON.parse` alone would make 9007199254740992 of 9007199254740993.
 *
 * Where the message may hold any JSON (google.protobuf.Value), a number must stay one: there the text is left as it is.
 */
export function withExactIntegers(text: string, desc: DescMessage | undefined): string {
  if (!/\d{16}/.test(text) || (desc !== undefined && holdsAnyJson(desc))) return text
  return text.replace(STRING_OR_LONG, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`,
  )
}

const ANY_JSON = new Set([
  'google.protobuf.Value',
  'google.protobuf.Struct',
  'google.protobuf.ListValue',
  'google.protobuf.Any',
])

const known = new WeakMap<DescMessage, boolean>()

/** Looked up once for each type. */
function holdsAnyJson(desc: DescMessage): boolean {
  let holds = known.get(desc)
  if (holds === undefined) known.set(desc, (holds = reaches(desc, new Set())))
  return holds
}

function reaches(desc: DescMessage, visited: Set<DescMessage>): boolean {
  if (ANY_JSON.has(desc.typeName)) return true
  if (visited.has(desc)) return false
  visited.add(desc)
  return desc.fields.some(({ message }) => message !== undefined && reaches(message, visited))
}

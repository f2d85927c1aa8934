/** Reads the values that a label stands for: `["a","b"]`, `a, b`, or a list. */
export type ValueReader = (label: unknown) => readonly unknown[]

/** A longer text is one value: nobody has so many groups. */
const MAX_TEXT = 65_536

const fromList: ValueReader = (label) => (Array.isArray(label) ? label : NONE)

const fromJson: ValueReader = (label) => {
  if (typeof label !== 'string' || !label.startsWith('[') || label.length > MAX_TEXT) return NONE
  try {
    return fromList(JSON.parse(label))
  } catch {
    return NONE
  }
}

const fromText =
  (separator: RegExp): ValueReader =>
  (label) =>
    typeof label === 'string' && label.length <= MAX_TEXT
      ? label.split(separator).map((value) => (value as string | undefined)?.trim())
      : NONE

const COMMA = fromText(/,/)

/** By how it looks. */
export const fromAny: ValueReader = (label) => {
  if (typeof label !== 'string') return fromList(label)
  if (label.startsWith('[')) return fromJson(label)
  return label.includes(',') ? COMMA(label) : [label]
}

const NONE: readonly unknown[] = []

/** By what `external_user_label_field_parser` says. */
export function valueReader(parser: 'segmented_text' | 'json' | 'table' | undefined, separator: RegExp): ValueReader {
  if (parser === undefined) return fromAny
  return parser === 'json' ? fromJson : parser === 'table' ? fromList : fromText(separator)
}

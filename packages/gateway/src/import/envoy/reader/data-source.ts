import type { Message } from './message.ts'

/** A text within the file, or where it stands. */
export type Source = { readonly text: string } | { readonly file: string } | { readonly variable: string }

/** Reads a DataSource. */
export function readDataSource(source: Message | undefined): Source | undefined {
  if (source === undefined) return undefined
  source.ignore('watched_directory')
  const text = source.string('inline_string')
  if (text !== undefined) return { text }
  const bytes = source.string('inline_bytes')
  if (bytes !== undefined) return { text: Buffer.from(bytes, 'base64').toString('utf8') }
  const file = source.string('filename')
  if (file !== undefined) return { file }
  const variable = source.string('environment_variable')
  return variable === undefined ? undefined : { variable }
}

/** The same as PEM fields take it: the text, `{ file: PATH }` or `$env://NAME`. */
export function pemOf(source: Source | undefined): string | { readonly file: string } | undefined {
  if (source === undefined) return undefined
  if ('text' in source) return source.text
  return 'file' in source ? { file: source.file } : `$env://${source.variable}`
}

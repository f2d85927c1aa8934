/** A request of a test. */
export interface RequestOptions {
  /** Default: `GET`. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A list is sent piece by piece, without a length (in chunks); anything else whole, with its `Content-Length`. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** The Host field. */
  readonly host?: string
}

/** What only a client without a socket can be. */
export interface MemoryRequestOptions extends RequestOptions {
  /** Default: 192.0.2.1. */
  readonly remoteAddress?: string
  /** Default: `HTTP/1.1`. */
  readonly protocol?: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2.0'
  /** The client's connection is encrypted. */
  readonly secure?: boolean
  /** The client leaves when it is aborted: the answer never comes, and `fetch` rejects. */
  readonly signal?: AbortSignal
}

export const bytesOf = (text: string | Uint8Array): Buffer =>
  typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text)

const isList = (body: NonNullable<RequestOptions['body']>): body is readonly (string | Uint8Array)[] =>
  Array.isArray(body)

/** The pieces of a body, and its length unless only its end tells that. */
export function piecesOf(body: RequestOptions['body']): { pieces: Buffer[]; length: number | undefined } {
  if (body === undefined) return { pieces: [], length: 0 }
  if (isList(body)) return { pieces: body.map(bytesOf), length: undefined }
  const bytes = bytesOf(body)
  return { pieces: bytes.length === 0 ? [] : [bytes], length: bytes.length }
}

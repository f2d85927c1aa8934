import type { Headers } from '@sekisho/wire'

const FIELD = /(?:^|\n)grpc-status:[ \t]*(\d{1,3})[ \t]*\r/i

/** The `grpc-status` of a response: of its trailers, or of its head when that is all there is ("Trailers-Only"). undefined: none. */
export function grpcStatusOf(head: { readonly headers: Headers } | undefined, trailers: string): number | undefined {
  if (trailers !== '') {
    const match = FIELD.exec(trailers)
    if (match !== null) return Number(match[1])
  }
  if (head === undefined) return undefined
  const text = head.headers.get('grpc-status')
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : undefined
}

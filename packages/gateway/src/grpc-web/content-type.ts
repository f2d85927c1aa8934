/** What a content type says of gRPC-Web (PROTOCOL-WEB.md): how messages are carried, and in which format. */
export interface WebType {
  /** Base64 of the bytes, for clients that can read nothing but text as it comes. */
  readonly text: boolean
  /** `+proto`, `+json`, …; empty when none was said. */
  readonly suffix: string
}

const WEB = /^application\/grpc-web(-text)?(\+[\w.+-]+)?[ \t]*(?:;|$)/i
const GRPC = /^application\/grpc(\+[\w.+-]+)?[ \t]*(?:;|$)/i
const ACCEPTS = /(?:^|[,\s])application\/grpc-web(-text)?(?:\+[\w.+-]+)?[ \t]*(?:[,;]|$)/i

/** Any suffix, any parameters. undefined: not gRPC-Web. */
export function parseWebType(contentType: string | undefined): WebType | undefined {
  const match = contentType === undefined ? null : WEB.exec(contentType)
  return match === null ? undefined : { text: match[1] !== undefined, suffix: match[2] ?? '' }
}

/** The suffix of `application/grpc`, empty when it has none; undefined: it is another type. */
export function grpcSuffix(contentType: string | undefined): string | undefined {
  const match = contentType === undefined ? null : GRPC.exec(contentType)
  return match === null ? undefined : (match[1] ?? '')
}

/**
 * Whether the answer is to be text: what `accept` names first, else as the request. A client that sends text and accepts anything can
 * read text.
 */
export function wantsText(accept: string | undefined, request: WebType): boolean {
  const match = accept === undefined ? null : ACCEPTS.exec(accept)
  return match === null ? request.text : match[1] !== undefined
}

/** The content type of an answer. A client that is told no format takes it for protobuf, and some want to be told. */
export const webTypeText = (text: boolean, suffix: string): string =>
  `application/grpc-web${text ? '-text' : ''}${suffix === '' ? '+proto' : suffix}`

import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'

/** What `gzip` and `brotli` have in common, as in APISIX. */
export const compressionFields = {
  types: defaulted(
    Type.Union([Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }), Type.Literal('*')], {
      default: ['text/html'],
      description: 'media types of responses that are compressed; "*": all',
    }),
  ),
  min_length: defaulted(
    Type.Integer({ minimum: 1, default: 20, description: 'bytes that a body must have, where its length is known' }),
  ),
  http_version: defaulted(
    Type.Enum([1.1, 1], { default: 1.1, description: '1: answers to clients of HTTP/1.0 are compressed, too' }),
  ),
  vary: Type.Optional(
    Type.Boolean({ description: 'tell caches by `Vary: Accept-Encoding` that others get other bytes' }),
  ),
} as const

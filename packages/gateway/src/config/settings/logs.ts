import { type Static, Type } from '../../schema/type.ts'

/** One line per request. Off unless it is written down. */
export const AccessLog = Type.Object(
  {
    path: Type.Optional(Type.String({ minLength: 1, default: 'stdout', description: '"stdout" or a file' })),
    format: Type.Optional(
      Type.Union(
        [
          Type.String({ minLength: 1, description: '"combined", "common", "json", or text with $variables' }),
          Type.Record(Type.String(), Type.String(), { description: 'fields of a JSON object, with $variables' }),
        ],
        { default: 'combined' },
      ),
    ),
  },
  { additionalProperties: false },
)
export type AccessLog = Required<Static<typeof AccessLog>>

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** What the gateway says about itself. */
export const ErrorLog = Type.Object(
  {
    level: Type.Optional(Type.Enum(LOG_LEVELS, { default: 'info' })),
    path: Type.Optional(Type.String({ minLength: 1, default: 'stderr', description: '"stderr" or a file' })),
  },
  { additionalProperties: false, default: {} },
)
export type ErrorLog = Required<Static<typeof ErrorLog>>

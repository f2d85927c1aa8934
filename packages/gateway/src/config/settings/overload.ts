import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const

const Shedding = Type.Object(
  {
    target_delay: Type.Optional(
      Type.Number({
        minimum: 0.001,
        maximum: 10,
        default: 0.005,
        description: 'seconds that the event loop of a worker may be late',
      }),
    ),
    interval: Type.Optional(
      Type.Number({
        minimum: 0.02,
        maximum: 10,
        default: 0.1,
        description: 'seconds for which it must be later, at every look, before requests are refused',
      }),
    ),
  },
  strict,
)

/** What a worker does about more requests than it can serve. */
export const OverloadSetting = Type.Object(
  {
    max_requests: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 16_777_216,
        default: 0,
        description: 'requests in flight per worker; more are answered 503, the least urgent first; 0 = no limit',
      }),
    ),
    load_shedding: Type.Optional(Shedding),
    retry_after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 3_600, default: 1, description: '`Retry-After` of the 503, in seconds' }),
    ),
  },
  { ...strict, default: {} },
)
type Written = Static<typeof OverloadSetting>

/** Complete. */
export interface OverloadSettings {
  readonly max_requests: number
  readonly load_shedding: { readonly target_delay: number; readonly interval: number } | undefined
  readonly retry_after: number
}

/** Once defaults are filled in. */
export const overloadSettings = ({ max_requests, load_shedding, retry_after }: Written): OverloadSettings => ({
  max_requests: max_requests ?? 0,
  load_shedding: load_shedding && {
    target_delay: load_shedding.target_delay ?? 0.005,
    interval: load_shedding.interval ?? 0.1,
  },
  retry_after: retry_after ?? 1,
})

import { Type, type Static } from '../schema/type.ts'
import { defaulted } from '../plugins/defaulted.ts'
import type { ConfigProblem } from '../plugins/definition.ts'
import { readPluginFile } from '../plugins/file-access.ts'

const MIB = 1_048_576

const configurationText = (description: string) =>
  Type.Union([Type.String(), Type.Object({}, { additionalProperties: true })], { description })

const bodyMode = (which: string) =>
  defaulted(
    Type.Enum(['stream', 'buffer', 'skip'], {
      default: 'stream',
      description: `what the filter gets of the ${which} body: pieces as they come, all of it at once, or nothing`,
    }),
  )

/** How a filter runs, whatever it is told: the same for the plugin `wasm` and for filters with a name of their own. */
export const runFields = {
  sha256: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{64}$',
      patternErrorMessage: 'must be 64 hexadecimal digits in lower case',
      description: 'the module must have this SHA-256',
    }),
  ),
  http_request_phase: defaulted(
    Type.Enum(['access', 'rewrite'], {
      default: 'access',
      description: "phase in which the filter sees the request's head",
    }),
  ),
  fail_policy: defaulted(
    Type.Enum(['closed', 'open'], {
      default: 'closed',
      description:
        'what becomes of requests when the filter cannot run or fails: `closed` answers 503, `open` lets them pass it by',
    }),
  ),
  root_id: defaulted(
    Type.String({
      default: '',
      maxLength: 256,
      description: 'which of the filters within the module, for SDKs that register them by a name',
    }),
  ),
  vm_id: defaulted(
    Type.String({
      default: '',
      maxLength: 256,
      description: 'filters with the same id and module share a machine; shared data and queues belong to an id',
    }),
  ),
  vm_configuration: Type.Optional(
    configurationText('what the filter reads when its machine starts; an object as JSON'),
  ),
  request_body: bodyMode('request'),
  response_body: bodyMode('response'),
  max_req_body_size: defaulted(
    Type.Integer({
      minimum: 1,
      default: MIB,
      description: 'bytes of a request body that the filter may hold back; more is a 413',
    }),
  ),
  max_resp_body_size: defaulted(
    Type.Integer({
      minimum: 1,
      default: MIB,
      description: 'bytes of a response body that the filter may hold back; more is a 502',
    }),
  ),
  max_pause: defaulted(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 3_600,
      default: 60,
      description: 'seconds for which the filter may hold a request up; then it is answered with 504',
    }),
  ),
  max_memory: defaulted(
    Type.Integer({
      minimum: 65_536,
      maximum: 4_294_967_296,
      default: 64 * MIB,
      description: 'bytes of memory of a machine, of which each worker has one',
    }),
  ),
  max_fuel: defaulted(
    Type.Integer({
      minimum: 0,
      maximum: 2_000_000_000,
      default: 10_000_000,
      description:
        'turns of loops and calls of functions in one callback, ten times as many when it starts; 0 = not counted, and an endless loop stops the worker',
    }),
  ),
  upstreams: defaulted(
    Type.Record(
      Type.String(),
      Type.String({
        pattern: '^https?://[^/?#@]+/?$',
        patternErrorMessage: 'must be "http://host:port" or "https://host:port", without a path',
      }),
      { default: {}, description: 'services that the filter may call, by the names that it calls them' },
    ),
  ),
} as const

/** The module: a file, or its bytes. */
export const sourceFields = {
  path: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'file with the module; relative to the folder in which the gateway was started',
    }),
  ),
  code: Type.Optional(Type.String({ minLength: 1, description: 'the module itself, base64' })),
} as const

export const confField = Type.Optional(
  configurationText('what the filter reads as its configuration; an object is given to it as JSON'),
)

const Complete = Type.Object({ ...sourceFields, ...runFields, conf: confField })
/** Where a filter comes from, how it runs and what it is told; defaults filled in. */
export type FilterConfig = Static<typeof Complete>

export const configurationBytes = (written: string | object | undefined): Buffer =>
  Buffer.from(written === undefined ? '' : typeof written === 'string' ? written : JSON.stringify(written))

/** Of a module; those of a few megabytes are large. */
const MAX_MODULE_BYTES = 67_108_864

/** The bytes of the module; or why there are none, for people, and where that stands. */
export function moduleBytes({ path, code }: FilterConfig): Buffer | ConfigProblem {
  if (code !== undefined) {
    return /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(code)
      ? Buffer.from(code, 'base64')
      : { path: '/code', message: 'is not base64' }
  }
  try {
    return readPluginFile(path as string, MAX_MODULE_BYTES)
  } catch (error) {
    return { path: '/path', message: `cannot be read: ${(error as Error).message}` }
  }
}

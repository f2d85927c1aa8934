import { jsonAnswer, type Answer } from './answers.ts'

const TYPES = ['platform', 'function', 'extension']
/** Ranges of `buffering`, as AWS documents them. */
const BUFFERING: Readonly<Record<string, readonly [number, number]>> = {
  timeoutMs: [25, 30_000],
  maxBytes: [262_144, 1_048_576],
  maxItems: [1_000, 10_000],
}

/**
 * What is wrong with a subscription to the Telemetry API (2022-07-01) or the Logs API (2020-08-15); undefined: nothing.
 * `{"schemaVersion","types":[…],"buffering":{…},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080"}}`
 */
export function subscriptionProblem(body: Buffer): string | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString())
  } catch (error) {
    return (error as Error).message
  }
  if (!isObject(parsed)) return 'the body is not a JSON object'
  const problems = [...typeProblems(parsed['types']), ...destinationProblems(parsed['destination'])]
  const { buffering } = parsed
  if (buffering !== undefined) problems.push(...bufferingProblems(buffering))
  return problems.length === 0 ? undefined : problems.join('; ')
}

function typeProblems(types: unknown): string[] {
  if (!Array.isArray(types) || types.length === 0) return ['types should not be empty']
  return types
    .filter((one) => !TYPES.includes(one as string))
    .map((one) => `types should be among ${TYPES.join(', ')}, not ${JSON.stringify(one)}`)
}

function destinationProblems(destination: unknown): string[] {
  if (!isObject(destination)) return ['destination should be an object']
  const { protocol, URI: uri, port } = destination
  if (protocol === 'TCP') return isPort(port) ? [] : ['destination.port should be a port']
  if (protocol !== 'HTTP') return ['destination.protocol should be HTTP or TCP']
  if (typeof uri !== 'string' || !URL.canParse(uri)) return ['destination.URI should be a URL']
  const url = new URL(uri)
  const problems: string[] = []
  if (url.hostname !== 'sandbox.localdomain' && url.hostname !== 'sandbox')
    problems.push('destination.URI should have the host sandbox.localdomain')
  if (url.port === '') problems.push('URI port is not provided')
  return problems
}

function bufferingProblems(buffering: unknown): string[] {
  if (!isObject(buffering)) return ['buffering should be an object']
  return Object.entries(BUFFERING)
    .filter(([name, [least, most]]) => {
      const value = buffering[name]
      return value !== undefined && !(typeof value === 'number' && value >= least && value <= most)
    })
    .map(([name, [least, most]]) => `buffering.${name} should be from ${least} to ${most}`)
}

/** As AWS answers where the API is not there (`sam local`): extensions take it for accepted. */
export const telemetryStub = (api: 'Telemetry' | 'Logs'): Answer =>
  jsonAnswer(202, { errorMessage: `${api} API is not supported`, errorType: `${api}.NotSupported` })

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isPort = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536

import type { Credentials } from '@sekisho/functions/signature'
import { Failure } from '../../failure.ts'

/** Where the function engine is unless said otherwise. */
const DEFAULT_ENDPOINT = 'http://127.0.0.1:9190'
const DEFAULT_REGION = 'us-east-1'

type Environment = Readonly<Record<string, string | undefined>>

/** Options that all commands about deployed functions have. */
export interface EndpointOptions {
  readonly endpointUrl?: string
  readonly region?: string
}

/** Whom to ask, and as whom. The variables are those of the AWS SDKs. */
export interface Endpoint {
  readonly url: URL
  readonly region: string
  /** undefined: requests are not signed. */
  readonly credentials: Credentials | undefined
}

/**
 * By option, `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL`, or the usual address. Throws Failure for what is no address.
 *
 * @param usual where the engine is when nobody says
 */
export function endpointOf(
  options: EndpointOptions,
  environment: Environment = process.env,
  usual = DEFAULT_ENDPOINT,
): Endpoint {
  const [written, source] = writtenEndpoint(options, environment, usual)
  const text = written.includes('://') ? written : `http://${written}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new Failure(`${source} "${written}" is not an address; write http://HOST:PORT`)
  return { url, region: regionOf(options, environment), credentials: credentialsOf(environment) }
}

function writtenEndpoint(
  { endpointUrl }: EndpointOptions,
  environment: Environment,
  usual: string,
): readonly [string, string] {
  if (endpointUrl !== undefined) return [endpointUrl, '--endpoint-url']
  for (const name of ['AWS_ENDPOINT_URL_LAMBDA', 'AWS_ENDPOINT_URL']) {
    const value = environment[name]
    if (value !== undefined && value !== '') return [value, name]
  }
  return [usual, 'the default']
}

const regionOf = ({ region }: EndpointOptions, environment: Environment): string =>
  region ?? (environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || DEFAULT_REGION)

function credentialsOf(environment: Environment): Credentials | undefined {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'] ?? ''
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'] ?? ''
  if (accessKeyId === '' || secretAccessKey === '') return undefined
  const sessionToken = environment['AWS_SESSION_TOKEN'] ?? ''
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
}

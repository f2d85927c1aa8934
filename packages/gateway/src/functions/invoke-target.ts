import type { Headers } from '@sekisho/proxy'
import { signRequest } from '@sekisho/functions/signature'
import type { FunctionCallSettings } from '../resources/function-call.ts'
import type { EngineEndpoint } from './engine-endpoint.ts'

type Credentials = NonNullable<EngineEndpoint['credentials']> & { readonly sessionToken?: string | undefined }
type InvocationType = NonNullable<FunctionCallSettings['invocation_type']>

/** Where a function is asked, and how. */
export interface ServiceAddress {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** As the Host field has it. */
  readonly authority: string
}

/** No credentials, no engine: nobody is there to be asked. */
export const NO_SERVICE =
  'this node has no function engine, and the function has neither "endpoint" nor "authorization"'

/** One function of one service, and its Invoke request but for the event. */
export class InvokeTarget {
  readonly address: ServiceAddress
  readonly path: string
  readonly name: string
  readonly region: string
  readonly accountId: string
  private readonly credentials: Credentials | undefined
  readonly invocationType: InvocationType
  private readonly fixedLines: string

  private constructor(
    name: string,
    address: ServiceAddress,
    settings: FunctionCallSettings,
    engine: EngineEndpoint | undefined,
    credentials: Credentials | undefined,
  ) {
    const { invocation_type: type = 'RequestResponse' } = settings
    this.name = name
    this.address = address
    this.region = settings.region ?? engine?.region ?? 'us-east-1'
    this.accountId = engine?.accountId ?? '000000000000'
    this.credentials = credentials
    this.invocationType = type
    this.path = invokePath(name, type === 'ResponseStream')
    const invocation = type === 'Event' ? 'X-Amz-Invocation-Type: Event\r\n' : ''
    this.fixedLines = `Host: ${address.authority}\r\nContent-Type: application/json\r\n${invocation}`
  }

  /** @returns undefined: there is no service that could be asked, see `NO_SERVICE` */
  static of(
    name: string,
    settings: FunctionCallSettings,
    engine: EngineEndpoint | undefined,
  ): InvokeTarget | undefined {
    const { endpoint, authorization } = settings
    const iam = authorization?.iam
    const own: Credentials | undefined =
      iam === undefined
        ? undefined
        : { accessKeyId: iam.accesskey, secretAccessKey: iam.secretkey, sessionToken: iam.session_token }
    if (endpoint !== undefined) return new InvokeTarget(name, addressOf(endpoint), settings, undefined, own)
    if (engine !== undefined) {
      const authority = `${engine.host.includes(':') ? `[${engine.host}]` : engine.host}:${engine.port}`
      const address = { secure: false, host: engine.host, port: engine.port, authority }
      return new InvokeTarget(name, address, settings, engine, own ?? engine.credentials)
    }
    if (own === undefined) return undefined
    const url = `https://lambda.${settings.region ?? 'us-east-1'}.amazonaws.com`
    return new InvokeTarget(name, addressOf(url), settings, undefined, own)
  }

  get streams(): boolean {
    return this.invocationType === 'ResponseStream'
  }

  /** Fields of an Invoke request with that body, in place of all that are there. @param traceId `Root=1-…` */
  writeHeaders(headers: Headers, body: Uint8Array, traceId: string | undefined): void {
    headers.clear()
    headers.appendLines(`${this.fixedLines}Content-Length: ${body.length}\r\n`, FIXED)
    if (this.credentials !== undefined) this.sign(headers, body, this.credentials)
    if (traceId !== undefined) headers.append('X-Amzn-Trace-Id', traceId)
  }

  private sign(headers: Headers, body: Uint8Array, credentials: Credentials): void {
    const { secure, authority } = this.address
    const signed = signRequest({
      method: 'POST',
      url: `${secure ? 'https' : 'http'}://${authority}${this.path}`,
      // A service wants all fields of this kind to be signed.
      headers: this.invocationType === 'Event' ? { host: authority, [TYPE_FIELD]: 'Event' } : { host: authority },
      body,
      service: 'lambda',
      region: this.region,
      credentials,
    })
    for (const name of Object.keys(signed.headers)) {
      if (name !== 'host' && name !== TYPE_FIELD) headers.append(name, signed.headers[name])
    }
  }
}

const TYPE_FIELD = 'x-amz-invocation-type'
const FIXED = ['Host', 'Content-Type', 'X-Amz-Invocation-Type', 'Content-Length']

function invokePath(name: string, streams: boolean): string {
  // Behind the last colon of a name there is a qualifier; an ARN has seven parts with one.
  const parts = name.split(':')
  const qualified = parts.length === 2 || parts.length === 8 || (parts.length === 4 && !name.startsWith('arn:'))
  const qualifier = qualified ? (parts.pop() as string) : undefined
  const query = qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`
  const encoded = encodeURIComponent(parts.join(':'))
  return streams
    ? `/2021-11-15/functions/${encoded}/response-streaming-invocations${query}`
    : `/2015-03-31/functions/${encoded}/invocations${query}`
}

function addressOf(endpoint: string): ServiceAddress {
  const url = new URL(endpoint)
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { secure, host, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port), authority: url.host }
}

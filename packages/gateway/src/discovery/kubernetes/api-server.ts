import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { jsonOf, type RegistryAnswer, RegistryClient } from '../http/registry-client.ts'
import type { ClusterSettings } from './kubernetes-settings.ts'

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const TIMEOUT_MS = 30_000

/** The API server refused, with this status. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The API server of one cluster. */
export class ApiServer {
  private readonly settings: ClusterSettings
  private readonly environment: NodeJS.ProcessEnv
  private base = ''
  private client: RegistryClient
  private ca: string | undefined

  constructor(settings: ClusterSettings, environment: NodeJS.ProcessEnv) {
    this.settings = settings
    this.environment = environment
    this.client = new RegistryClient({ verify: settings.service?.ssl_verify })
  }

  /** Rejects with words when the settings name what is not there. */
  async open(): Promise<void> {
    const { service = {} } = this.settings
    const host = this.value(service.host ?? '${KUBERNETES_SERVICE_HOST}')
    const port = this.value(String(service.port ?? '${KUBERNETES_SERVICE_PORT}'))
    this.base = `${service.schema ?? 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`
    if (!URL.canParse(this.base)) throw new Error(`${this.base} is not an address of an API server`)
    await this.readAuthorities()
  }

  /** A list. */
  async get(path: string, query: URLSearchParams, signal: AbortSignal): Promise<unknown> {
    const url = this.url(path, query)
    const answer = await this.client.ask(url, { headers: await this.headers(), timeoutMs: TIMEOUT_MS, signal })
    if (answer.status !== 200) throw refusal(url, answer)
    return jsonOf(url, answer)
  }

  /** The events of a watch, as they come. */
  async watch(path: string, query: URLSearchParams, signal: AbortSignal): Promise<IncomingMessage> {
    // A cluster may have changed its authorities; its certificates are only asked for by new connections.
    await this.readAuthorities()
    const url = this.url(path, query)
    const response = await this.client.stream(url, { headers: await this.headers(), timeoutMs: TIMEOUT_MS, signal })
    if (response.statusCode === 200) return response
    response.destroy()
    throw refusal(url, { status: response.statusCode ?? 0, headers: {}, text: '' })
  }

  close(): void {
    this.client.close()
  }

  private async readAuthorities(): Promise<void> {
    const { ca_file: file, ssl_verify: verify, schema } = this.settings.service ?? {}
    if (schema === 'http') return
    const ca = await readFile(file ?? `${ACCOUNT}/ca.crt`, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (file === undefined && error.code === 'ENOENT') return undefined
      throw new Error(`the authorities of the cluster cannot be read: ${error.message}`)
    })
    if (ca === this.ca) return
    this.ca = ca
    this.client.close()
    this.client = new RegistryClient({ ca, verify })
  }

  /** The token in the file is another one every hour or so. */
  private async headers(): Promise<Record<string, string>> {
    const { token, token_file: file = `${ACCOUNT}/token` } = this.settings.client ?? {}
    const written = token === undefined ? await readToken(file, file !== `${ACCOUNT}/token`) : this.value(token)
    return written === undefined ? {} : { authorization: `Bearer ${written}` }
  }

  private url(path: string, query: URLSearchParams): URL {
    const url = new URL(`${this.base}${path}`)
    url.search = query.toString()
    return url
  }

  /** `${NAME}` is an environment variable, as in APISIX. */
  private value(written: string): string {
    const name = /^\$\{(\w+)\}$/.exec(written)?.[1]
    if (name === undefined) return written
    const value = this.environment[name]
    if (value === undefined || value === '')
      throw new Error(
        `the environment variable ${name} is not set: outside of a cluster, write "service: { host: …, port: … }"`,
      )
    return value
  }
}

async function readToken(file: string, mustBeThere: boolean): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (!mustBeThere && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`the token of the cluster cannot be read: ${(error as Error).message}`)
  }
}

function refusal(url: URL, answer: RegistryAnswer): ApiError {
  const hints: Record<number, string> = {
    401: ': the token is not valid',
    403: ': the account may not "list" and "watch" "endpointslices"',
  }
  return new ApiError(answer.status, `${url.origin} answers with status ${answer.status}${hints[answer.status] ?? ''}`)
}

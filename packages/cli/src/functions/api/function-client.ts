import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../../failure.ts'
import type { ConfigurationInput, FunctionConfiguration, FunctionUrlInput } from './answers.ts'
import { type Endpoint, type EndpointOptions, endpointOf } from './endpoint.ts'
import { refusal, ServiceFailure } from './failures.ts'
import { bodyOf, type HttpCall, HttpCaller, withBody } from './http-call.ts'

const FUNCTIONS = '/2015-03-31/functions'
const URLS = '/2021-10-31/functions'
const TAGS = '/2017-03-31/tags'

/** Between looks at a function that is being made; AWS takes a second or two. */
const POLL_MS = 200
const MAX_POLLS = 600

/** The parts of the control API that the commands use. Whatever is refused is a ServiceFailure, and whatever else goes wrong a Failure. */
export class FunctionClient {
  readonly http: HttpCaller

  constructor(endpoint: Endpoint) {
    this.http = new HttpCaller(endpoint)
  }

  static open(options: EndpointOptions): FunctionClient {
    return new FunctionClient(endpointOf(options))
  }

  close(): void {
    this.http.close()
  }

  /** undefined when there is no such function. */
  async find(name: string): Promise<FunctionConfiguration | undefined> {
    return absent(this.json<FunctionConfiguration>({ method: 'GET', path: `${pathOf(name)}/configuration` }))
  }

  create(
    name: string,
    zip: Buffer,
    configuration: ConfigurationInput,
    tags: Readonly<Record<string, string>>,
    onSent?: HttpCall['onSent'],
  ): Promise<FunctionConfiguration> {
    const input = {
      FunctionName: name,
      ...configuration,
      ...(Object.keys(tags).length === 0 ? {} : { Tags: tags }),
      Code: { ZipFile: zip.toString('base64') },
    }
    return this.json({ method: 'POST', path: FUNCTIONS, ...withBody(input), ...(onSent && { onSent }) })
  }

  updateCode(name: string, zip: Buffer, onSent?: HttpCall['onSent']): Promise<FunctionConfiguration> {
    const input = withBody({ ZipFile: zip.toString('base64') })
    return this.json({ method: 'PUT', path: `${pathOf(name)}/code`, ...input, ...(onSent && { onSent }) })
  }

  updateConfiguration(name: string, input: ConfigurationInput): Promise<FunctionConfiguration> {
    return this.json({ method: 'PUT', path: `${pathOf(name)}/configuration`, ...withBody(input) })
  }

  /** Until what was changed holds. Throws Failure when it never will. */
  async settled(configuration: FunctionConfiguration): Promise<FunctionConfiguration> {
    let now = configuration
    for (let polls = 0; isPending(now); polls++) {
      if (polls === MAX_POLLS)
        throw new Failure(
          `${now.FunctionName} is ${now.State} for ${(MAX_POLLS * POLL_MS) / 1000} s: ${now.StateReason ?? ''}`,
        )
      await pause(POLL_MS)
      now = await this.json({ method: 'GET', path: `${pathOf(now.FunctionName)}/configuration` })
    }
    if (now.State === 'Failed' || now.LastUpdateStatus === 'Failed')
      throw new Failure(
        `${now.FunctionName} cannot run: ${now.StateReason ?? now.LastUpdateStatusReason ?? 'no reason is given'}`,
      )
    return now
  }

  /** All functions, by name. */
  async list(): Promise<readonly FunctionConfiguration[]> {
    const all: FunctionConfiguration[] = []
    for (let marker: string | undefined = ''; marker !== undefined;) {
      const query: string = marker === '' ? '' : `?Marker=${encodeURIComponent(marker)}`
      const page: { Functions: FunctionConfiguration[]; NextMarker?: string | null } = await this.json({
        method: 'GET',
        path: `${FUNCTIONS}/${query}`,
      })
      all.push(...page.Functions)
      marker = page.NextMarker ?? undefined
    }
    return all.toSorted((a, b) => (a.FunctionName < b.FunctionName ? -1 : 1))
  }

  async delete(name: string, qualifier: string | undefined): Promise<void> {
    await this.json({ method: 'DELETE', path: `${pathOf(name)}${qualified(qualifier)}` })
  }

  async tag(arn: string, tags: Readonly<Record<string, string>>): Promise<void> {
    await this.json({ method: 'POST', path: `${TAGS}/${encodeURIComponent(arn)}`, ...withBody({ Tags: tags }) })
  }

  /** The number of the version. */
  async publish(name: string): Promise<string> {
    const path = `${pathOf(name)}/versions`
    return (await this.json<FunctionConfiguration>({ method: 'POST', path, ...withBody({}) })).Version
  }

  /** Makes an alias, or leads it to another version. */
  async setAlias(name: string, alias: string, version: string): Promise<void> {
    const path = `${pathOf(name)}/aliases`
    const there = await absent(this.json({ method: 'GET', path: `${path}/${encodeURIComponent(alias)}` }))
    if (there === undefined) {
      await this.json({ method: 'POST', path, ...withBody({ Name: alias, FunctionVersion: version }) })
    } else {
      const change = withBody({ FunctionVersion: version })
      await this.json({ method: 'PUT', path: `${path}/${encodeURIComponent(alias)}`, ...change })
    }
  }

  /** The URL of a function, made or changed; open to everyone when it asks for no signature. */
  async setUrl(name: string, qualifier: string | undefined, input: FunctionUrlInput): Promise<string> {
    const path = `${URLS}/${encodeURIComponent(name)}/url${qualified(qualifier)}`
    const there = await absent(this.json({ method: 'GET', path }))
    const method = there === undefined ? 'POST' : 'PUT'
    const { FunctionUrl } = await this.json<{ FunctionUrl: string }>({ method, path, ...withBody(input) })
    if (input.AuthType === 'NONE') await this.#openUrl(name, qualifier)
    return FunctionUrl
  }

  async #openUrl(name: string, qualifier: string | undefined): Promise<void> {
    const statement = {
      StatementId: 'sekisho-function-url',
      Action: 'lambda:InvokeFunctionUrl',
      Principal: '*',
      FunctionUrlAuthType: 'NONE',
    }
    const path = `${pathOf(name)}/policy${qualified(qualifier)}`
    try {
      await this.json({ method: 'POST', path, ...withBody(statement) })
    } catch (error) {
      // It has been opened before.
      if (!(error instanceof ServiceFailure && error.type === 'ResourceConflictException')) throw error
    }
  }

  /** The JSON that is answered. */
  async json<T>(call: HttpCall): Promise<T> {
    const answer = await this.http.call(call)
    const body = await bodyOf(answer)
    const status = answer.statusCode ?? 0
    const parsed = parse(body.toString())
    if (status < 300 && (parsed !== undefined || body.length === 0)) return parsed as T
    throw this.refused(status, answer.headers['x-amzn-errortype'], parsed)
  }

  /** @param body parsed */
  refused(status: number, type: string | string[] | undefined, body: unknown): ServiceFailure {
    const { Message, message } = (body ?? {}) as { Message?: string | null; message?: string | null }
    const name = typeof type === 'string' ? type : undefined
    const { address, endpoint } = this.http
    return refusal(address, status, name, Message ?? message ?? '', endpoint.credentials !== undefined)
  }
}

/** A name, `name:qualifier` or an ARN in a path. */
export const pathOf = (name: string): string => `${FUNCTIONS}/${encodeURIComponent(name)}`

export const qualified = (qualifier: string | undefined): string =>
  qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`

const isPending = ({ State, LastUpdateStatus }: FunctionConfiguration): boolean =>
  State === 'Pending' || LastUpdateStatus === 'InProgress'

async function absent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof ServiceFailure && error.type === 'ResourceNotFoundException') return undefined
    throw error
  }
}

/** undefined for what is no JSON: the page of another server. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

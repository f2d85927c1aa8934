import { Failure } from '../failure.ts'
import type { ChangeAnswer, Difference, Document, HistoryEntry, RefusedAnswer } from './answers.ts'
import { type ErrorBody, refusal, unreachable } from './failures.ts'

/** Where the Admin API is unless said otherwise. */
const DEFAULT_ADDRESS = 'http://127.0.0.1:9180'

/** As long as the largest document may take to be checked. */
const TIMEOUT_MS = 300_000

export interface AdminClientOptions {
  readonly admin?: string
  readonly key?: string
}

/** All documents by the lists of a configuration file. */
export type Lists = Readonly<Record<string, readonly Document[]>>

export interface WriteQuery {
  readonly dryRun?: boolean
  readonly comment?: string | undefined
  /** Refused when the configuration is not at this revision any more. */
  readonly ifRevision?: number
}

/**
 * The parts of the Admin API that the commands use. Whatever goes wrong is a Failure that says what to do; a change that is
 * refused for what it says is an answer.
 */
export class AdminClient {
  readonly address: string
  readonly #key: string | undefined

  constructor({ admin = DEFAULT_ADDRESS, key = process.env['SEKISHO_ADMIN_KEY'] }: AdminClientOptions) {
    this.address = parseAddress(admin)
    this.#key = key === '' ? undefined : key
  }

  /** All of them or none. `replace`: what is not among them is deleted. */
  transaction(documents: Lists, replace: boolean, query: WriteQuery): Promise<ChangeAnswer | RefusedAnswer> {
    return this.#write('/transaction', documents, { ...(replace ? { replace: 'true' } : {}), ...parameters(query) })
  }

  rollback(revision: number, only: string | undefined, query: WriteQuery): Promise<ChangeAnswer | RefusedAnswer> {
    return this.#write('/rollback', { revision, ...(only === undefined ? {} : { only }) }, parameters(query))
  }

  /** All that there is, or was at a revision. */
  async configs(revision?: number): Promise<Lists> {
    const asked = revision === undefined ? {} : { revision: String(revision) }
    return (await this.#get('/configs', { ...asked, secrets: 'true' })) as Lists
  }

  /** Newest first. */
  async history(limit: number, before?: number): Promise<readonly HistoryEntry[]> {
    const query = { limit: String(limit), ...(before === undefined ? {} : { before: String(before) }) }
    return ((await this.#get('/history', query)) as { list: readonly HistoryEntry[] }).list
  }

  /** From one revision to another; left out: to what holds now. */
  async diff(from: number, to?: number): Promise<readonly Difference[]> {
    const query = { from: String(from), ...(to === undefined ? {} : { to: String(to) }) }
    return ((await this.#get('/diff', query)) as ChangeAnswer).changes
  }

  async #get(path: string, query: Record<string, string>): Promise<unknown> {
    const { status, body } = await this.#ask('GET', path, query, undefined)
    if (status === 200 && isObject(body)) return body
    throw this.#refusal(status, body)
  }

  async #write(path: string, content: unknown, query: Record<string, string>): Promise<ChangeAnswer | RefusedAnswer> {
    const { status, body } = await this.#ask('POST', path, query, content)
    if (status < 300 && isObject(body)) return body as unknown as ChangeAnswer
    const { problems, error_msg: message } = (body ?? {}) as {
      problems?: RefusedAnswer['problems']
      error_msg?: string
    }
    if (problems !== undefined && problems.length > 0) return { problems, message: message ?? 'the change is refused' }
    throw this.#refusal(status, body)
  }

  #refusal(status: number, body: unknown): Failure {
    return refusal(this.address, status, body as ErrorBody | undefined, this.#key !== undefined)
  }

  async #ask(
    method: string,
    path: string,
    query: Record<string, string>,
    content: unknown,
  ): Promise<{ status: number; body: unknown }> {
    const search = new URLSearchParams(query).toString()
    try {
      const response = await fetch(`${this.address}/apisix/admin${path}${search === '' ? '' : `?${search}`}`, {
        method,
        // A key is for the address it was given for.
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          ...(this.#key === undefined ? {} : { 'X-API-KEY': this.#key }),
          ...(content === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(content === undefined ? {} : { body: JSON.stringify(content) }),
      })
      return { status: response.status, body: parse(await response.text()) }
    } catch (error) {
      throw unreachable(this.address, error)
    }
  }
}

function parameters({ dryRun, comment, ifRevision }: WriteQuery): Record<string, string> {
  return {
    ...(dryRun === true ? { dry_run: 'true' } : {}),
    ...(comment === undefined ? {} : { comment }),
    ...(ifRevision === undefined ? {} : { if_revision: String(ifRevision) }),
  }
}

/** undefined for what is no JSON: the page of another server. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function parseAddress(written: string): string {
  const text = written.includes('://') ? written : `http://${written}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new Failure(`--admin "${written}" is not an address; write http://HOST:PORT`)
  return url.origin
}

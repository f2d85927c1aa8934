import { createInterface } from 'node:readline'
import { Failure } from '../../failure.ts'
import type { LogLine } from './answers.ts'
import { type FunctionClient, parse } from './function-client.ts'
import { bodyOf } from './http-call.ts'

export interface LogQuery {
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  readonly follow: boolean
}

/** The log of a function. Only a function engine of Sekisho has this call. */
export async function* readLogs(client: FunctionClient, name: string, query: LogQuery): AsyncGenerator<LogLine> {
  const parameters = new URLSearchParams()
  if (query.since !== undefined) parameters.set('since', String(query.since))
  if (query.follow) parameters.set('follow', 'true')
  const path = `/sekisho/functions/${encodeURIComponent(name)}/logs?${parameters.toString()}`
  const answer = await client.http.call({ method: 'GET', path })
  if (answer.statusCode !== 200) {
    const body = parse((await bodyOf(answer)).toString())
    throw client.refused(answer.statusCode ?? 0, answer.headers['x-amzn-errortype'], body)
  }
  let cut = false
  answer.once('aborted', () => (cut = true)).on('error', () => (cut = true))
  for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
    // Empty ones say that somebody is still there.
    if (line !== '') yield JSON.parse(line) as LogLine
  }
  if (cut) throw new Failure(`${client.http.address} closed the connection: the function engine ended`)
}

/** What one function has done since the engine was started. */
export interface FunctionUse {
  readonly invocations: number
  readonly errors: number
  /** US dollars, by the price in the engine's settings. */
  readonly cost: number
}

const SERIES = /^sekisho_function_(invocations|errors|estimated_cost)_total\{function="([^"]+)"\} (\S+)$/gm

/** By function; undefined where the endpoint has no metrics: it is not Sekisho's. */
export async function readUse(client: FunctionClient): Promise<ReadonlyMap<string, FunctionUse> | undefined> {
  const answer = await client.http.call({ method: 'GET', path: '/metrics' })
  const text = (await bodyOf(answer)).toString()
  return answer.statusCode === 200 ? parseUse(text) : undefined
}

/** Out of Prometheus' text format. */
export function parseUse(text: string): ReadonlyMap<string, FunctionUse> {
  const uses = new Map<string, FunctionUse>()
  for (const [, what = '', name = '', value] of text.matchAll(SERIES)) {
    const use = uses.get(name) ?? { invocations: 0, errors: 0, cost: 0 }
    uses.set(name, { ...use, [what === 'estimated_cost' ? 'cost' : what]: Number(value) })
  }
  return uses
}

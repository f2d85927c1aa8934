import type { IncomingMessage } from 'node:http'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { printable } from '../../explanation/text.ts'
import { Failure, say } from '../../failure.ts'
import type { EndpointOptions } from '../api/endpoint.ts'
import { readEventStream } from '../api/event-stream.ts'
import { FunctionClient, parse, pathOf, qualified } from '../api/function-client.ts'
import { bodyOf } from '../api/http-call.ts'
import { logText } from './logs.ts'

export interface InvokeOptions extends EndpointOptions {
  readonly data?: string
  readonly file?: string
  readonly qualifier?: string
  readonly async?: boolean
  readonly tail?: boolean
  readonly stream?: boolean
}

/** `sekisho fn invoke`: the answer on standard output, all else on standard error. Returns the exit status. */
export async function invoke(name: string, options: InvokeOptions): Promise<number> {
  const payload = await payloadOf(options)
  const client = FunctionClient.open(options)
  try {
    if (options.stream === true) return await invokeStream(client, name, options, payload)
    return await invokeWhole(client, name, options, payload)
  } finally {
    client.close()
  }
}

async function payloadOf({ data, file, async: event, tail, stream }: InvokeOptions): Promise<Buffer> {
  if (data !== undefined && file !== undefined) throw new Failure('-d and -f are two ways to give the event; use one')
  if (event === true && (tail === true || stream === true))
    throw new Failure('--async has no answer, and so neither --tail nor --stream')
  const source = file === undefined ? '-d' : file === '-' ? 'standard input' : file
  const bytes = file === undefined ? Buffer.from(data ?? '{}') : await readEvent(file)
  const text = bytes.toString()
  if (text.trim() !== '' && parse(text) === undefined) throw new Failure(`${source} is no JSON: ${whyNoJson(text)}`)
  return bytes
}

async function readEvent(file: string): Promise<Buffer> {
  if (file === '-') return buffer(process.stdin)
  try {
    return await readFile(file)
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
  }
}

function whyNoJson(text: string): string {
  try {
    JSON.parse(text)
    return ''
  } catch (error) {
    const quotes = /^\{?\s*'|^\{\s*\w+\s*:/.test(text)
      ? '; names and texts stand in double quotes: -d \'{"name":"Ada"}\''
      : ''
    return (error as Error).message + quotes
  }
}

async function invokeWhole(
  client: FunctionClient,
  name: string,
  { qualifier, async: event, tail }: InvokeOptions,
  payload: Buffer,
): Promise<number> {
  const answer = await client.http.call({
    method: 'POST',
    path: `${pathOf(name)}/invocations${qualified(qualifier)}`,
    headers: {
      'content-type': 'application/json',
      ...(event === true ? { 'x-amz-invocation-type': 'Event' } : {}),
      ...(tail === true ? { 'x-amz-log-type': 'Tail' } : {}),
    },
    body: payload,
  })
  const body = await bodyOf(answer)
  checkStatus(client, answer, body)
  sayLog(answer.headers['x-amz-log-result'])
  if (event === true) {
    const id = answer.headers['x-amzn-requestid']?.toString() ?? 'an event'
    say(`queued as ${id}; "sekisho fn logs ${name}" shows what becomes of it`)
    return 0
  }
  if (answer.headers['x-amz-function-error'] !== undefined) return failed(name, body.toString())
  process.stdout.write(body)
  if (body.at(-1) !== NEWLINE) process.stdout.write('\n')
  return 0
}

const NEWLINE = 10

async function invokeStream(
  client: FunctionClient,
  name: string,
  { qualifier, tail }: InvokeOptions,
  payload: Buffer,
): Promise<number> {
  const answer = await client.http.call({
    method: 'POST',
    path: `/2021-11-15/functions/${encodeURIComponent(name)}/response-streaming-invocations${qualified(qualifier)}`,
    headers: { 'content-type': 'application/json', ...(tail === true ? { 'x-amz-log-type': 'Tail' } : {}) },
    body: payload,
  })
  if (answer.statusCode !== 200) checkStatus(client, answer, await bodyOf(answer))
  for await (const { headers, payload: piece } of readEventStream(answer)) {
    if (headers.get(':event-type') === 'PayloadChunk') {
      process.stdout.write(piece)
    } else if (headers.get(':event-type') === 'InvokeComplete') {
      const { ErrorCode, ErrorDetails, LogResult } = (parse(piece.toString()) ?? {}) as Record<
        string,
        string | undefined
      >
      sayLog(LogResult)
      if (ErrorCode !== undefined) return failed(name, ErrorDetails ?? JSON.stringify({ errorType: ErrorCode }))
      return 0
    } else {
      throw new Failure(`the stream ends with ${printable(piece.toString())}`)
    }
  }
  throw new Failure('the stream broke before its end')
}

function checkStatus(client: FunctionClient, answer: IncomingMessage, body: Buffer): void {
  const status = answer.statusCode ?? 0
  if (status >= 300) throw client.refused(status, answer.headers['x-amzn-errortype'], parse(body.toString()))
}

/** The last 4 KB of the log. @param encoded base64 */
function sayLog(encoded: string | string[] | undefined): void {
  if (typeof encoded === 'string') say(logText(Buffer.from(encoded, 'base64').toString()))
}

/** What a function answers that fails: by the runtimes of Node.js, Python and the others. */
interface FunctionError {
  readonly errorType?: string
  readonly errorMessage?: string
  readonly trace?: readonly string[]
  readonly stackTrace?: readonly unknown[]
}

/** Says why a function failed. @returns the exit status */
function failed(name: string, body: string): number {
  const error = parse(body) as FunctionError | undefined
  if (typeof error !== 'object' || error === null) say(`sekisho: ${name} failed: ${printable(body)}`)
  else say(`sekisho: ${name} failed: ${describe(error)}`)
  return 1
}

function describe({ errorType, errorMessage, trace, stackTrace }: FunctionError): string {
  const first = [errorType, errorMessage].filter((part) => part !== undefined && part !== '').join(': ')
  // Node.js repeats type and message in the first line of its trace; Python ends its lines itself.
  const lines = (trace ?? stackTrace ?? []).map((line) => String(line).trimEnd()).filter((line) => line !== first)
  return [first === '' ? 'without a reason' : first, ...lines].map(printable).join('\n')
}

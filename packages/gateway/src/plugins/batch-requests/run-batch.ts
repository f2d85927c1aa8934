import { STATUS_CODES } from 'node:http'
import type { SubrequestAnswer } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import type { Batch, BatchItem } from './batch.ts'

/** Of one response. */
const MAX_ANSWER_BYTES = 1_048_576
/** Of all of a list. */
const MAX_ANSWERS_BYTES = 16_777_216

/** A response in the list. */
export interface ItemAnswer {
  readonly status: number
  readonly reason: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** All requests at the same time; the answers in their order. Never rejects. */
export async function runBatch(session: GatewaySession, { items }: Batch, timeoutMs: number): Promise<ItemAnswer[]> {
  const { headers } = session.request
  const host = headers.get('host') ?? session.request.host
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs)
  })
  let bytes = 0
  const run = async (item: BatchItem): Promise<ItemAnswer> => {
    try {
      const answer = await Promise.race([session.subrequest(requestOf(item, host), MAX_ANSWER_BYTES), late])
      if (answer === undefined) return failed(504, 'no answer in time')
      bytes += answer.body.length
      return bytes > MAX_ANSWERS_BYTES ? failed(502, 'the answers are too large together') : shown(answer)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      // What is wrong with the request is said before it goes anywhere.
      return failed(/malformed|invalid|must|refused/.test(message) ? 400 : 502, message)
    }
  }
  const answers = await Promise.all(items.map(run))
  clearTimeout(timer)
  return answers
}

const requestOf = ({ method, target, headers, body }: BatchItem, host: string) => ({
  method,
  target,
  headers: headers.some(([name]) => name === 'host') ? headers : [['host', host] as const, ...headers],
  body: body === undefined ? undefined : Buffer.from(body),
})

function shown({ head, body }: SubrequestAnswer): ItemAnswer {
  const headers: Record<string, string> = {}
  for (const [name, value] of head.headers)
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  return { status: head.status, reason: reasonOf(head.status), headers, body: body.toString('utf8') }
}

const failed = (status: number, message: string): ItemAnswer => ({
  status,
  reason: reasonOf(status),
  body: JSON.stringify({ error_msg: message }),
})

const reasonOf = (status: number): string => STATUS_CODES[status] ?? ''

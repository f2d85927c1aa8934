import { STATUS_CODES } from 'node:http'
import { type AnswerBudget, MalformedSubrequest, type SubrequestAnswer } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import type { Batch, BatchItem } from './batch.ts'

/** Of one response. */
const MAX_ANSWER_BYTES = 1_048_576
/** Of all of a list: of what has come so far, whole or not. */
const MAX_ANSWERS_BYTES = 16_777_216
/** A list of a thousand takes no more of the upstreams at a time than so many clients would. */
const MAX_AT_A_TIME = 50

/** A response in the list. */
export interface ItemAnswer {
  readonly status: number
  readonly reason: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** The answers in the order of the requests. Those that are not there in time are given up when the list is answered. Never rejects. */
export async function runBatch(session: GatewaySession, { items }: Batch, timeoutMs: number): Promise<ItemAnswer[]> {
  const { headers } = session.request
  const shared: [string, string][] = [['host', headers.get('host') ?? session.request.host]]
  for (const name of TRACE_FIELDS) if (headers.has(name)) shared.push([name, headers.get(name)!])
  const remoteAddress = session.ctx.remoteAddr
  const budget: AnswerBudget = { left: MAX_ANSWERS_BYTES }
  let isLate = false
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      isLate = true
      resolve(undefined)
    }, timeoutMs)
  })

  async function run(item: BatchItem): Promise<ItemAnswer> {
    if (isLate || session.finishedAt !== 0) return failed(504, 'no answer in time')
    try {
      const request = { ...requestOf(item, shared), remoteAddress }
      const answer = await Promise.race([session.subrequest(request, MAX_ANSWER_BYTES, budget), late])
      return answer === undefined ? failed(504, 'no answer in time') : shown(answer)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return failed(error instanceof MalformedSubrequest ? 400 : 502, message)
    }
  }

  const answers: ItemAnswer[] = []
  let next = 0
  const one = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) answers[at] = await run(items[at]!)
  }
  await Promise.all(Array.from({ length: Math.min(MAX_AT_A_TIME, items.length) }, one))
  clearTimeout(timer)
  return answers
}

/** Who caused the list caused its requests: their spans belong to the same trace. */
const TRACE_FIELDS = ['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags']

const requestOf = ({ method, target, headers, body }: BatchItem, shared: BatchItem['headers']) => ({
  method,
  target,
  headers: [...shared.filter(([field]) => !headers.some(([name]) => name === field)), ...headers],
  body: body === undefined ? undefined : Buffer.from(body),
})

function shown({ head, body }: SubrequestAnswer): ItemAnswer {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
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

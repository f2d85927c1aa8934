import type { ResponseHead } from '@sekisho/wire'
import { grpcStatusOf } from '../grpc/status.ts'
import { ProxyError } from '../proxy-error.ts'
import type { Exchange } from './exchange.ts'
import { tryAgain } from './upstream-stage.ts'

/**
 * Whether another node is asked in place of a response that is nothing but a status which `session.retryOnStatus` named. Nothing of it has
 * left by then. A status behind messages, or behind a head, has been sent on when it comes: too late.
 */
export function refusedByStatus<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead, body: string): boolean {
  if (body !== '' || head.status !== 200) return false
  const status = grpcStatusOf(head, '')
  if (status === undefined || exchange.retryStatuses?.has(status) !== true) return false
  const error = new ProxyError('GRPC_STATUS', 'upstream', 502, `${exchange.peer?.name} answered grpc-status ${status}`)
  error.retry = true
  // If nobody else can be asked, this is the answer after all.
  exchange.refusedHead = head
  tryAgain(exchange, error, false)
  return true
}

import type { Headers } from '@sekisho/wire'
import type { HttpReply, HttpRequest } from '../../http/http-exchange.ts'
import { ServiceError } from '../../model/service-error.ts'
import { answerHeaders } from '../answer-headers.ts'
import { asServiceError } from '../invoke/invoke.ts'
import type { Surface } from '../surface.ts'
import type { LogsCall } from './logs-call.ts'

const TARGET = 'Logs_20140328.'
const TYPE = 'application/x-amz-json-1.1'

/** CloudWatch Logs as far as Terraform and `aws logs` need it: JSON 1.1, told by its target header. */
export class LogsSurface implements Surface {
  readonly maxBodyBytes = 1_048_576
  readonly signed = true
  private readonly actions: ReadonlyMap<string, LogsCall>
  private readonly onFailure: (error: unknown, operation: string) => void

  constructor(actions: Readonly<Record<string, LogsCall>>, onFailure: (error: unknown, operation: string) => void) {
    this.actions = new Map(Object.entries(actions))
    this.onFailure = onFailure
  }

  serves(method: string, path: string, headers: Headers): boolean {
    return method === 'POST' && path === '/' && (headers.get('x-amz-target')?.startsWith(TARGET) ?? false)
  }

  handle(request: HttpRequest, reply: HttpReply, requestId: string): void {
    const name = request.headers.get('x-amz-target')?.slice(TARGET.length) ?? ''
    this.answer(name, request.body)
      .then((output) => reply.send(200, answerHeaders(TYPE, requestId), output))
      .catch((error: unknown) => {
        if (!(error instanceof ServiceError)) this.onFailure(error, name)
        const { code, status, message } = asServiceError(error)
        const body = JSON.stringify({ __type: code, message })
        reply.send(status, answerHeaders(TYPE, requestId), body)
      })
  }

  private async answer(name: string, body: Buffer): Promise<string> {
    const action = this.actions.get(name)
    if (action === undefined) {
      throw new ServiceError('UnknownOperationException', 400, `CloudWatch Logs has no ${name} here`)
    }
    const output = await action(inputOf(body))
    return output === undefined ? '' : JSON.stringify(output)
  }
}

function inputOf(body: Buffer): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(body.toString() || '{}')
    if (typeof input === 'object' && input !== null) return input as Record<string, unknown>
  } catch {
    // The answer is the same.
  }
  throw new ServiceError('SerializationException', 400, 'The body is no JSON object')
}

import { SignatureProblem, verifyRequest, type Credentials } from '@sekisho/functions/signature'
import { ProxyError } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import { newRequestId } from '../request-ids.ts'
import { connections, type ConnectionOperation, type ConnectionScope } from './connection-registry.ts'

/** 128 KB: of a message to a client. */
const MAX_DATA_BYTES = 131_072

const OPERATIONS: Readonly<Record<string, ConnectionOperation>> = { POST: 'post', GET: 'get', DELETE: 'delete' }

/** The `@connections` calls of API Gateway. */
export class ManagementApi {
  private readonly scope: ConnectionScope
  private readonly credentials: ((accessKeyId: string) => Credentials | undefined) | undefined

  /** @param credentials of who may call; undefined: everyone may */
  constructor(scope: ConnectionScope, credentials: ((accessKeyId: string) => Credentials | undefined) | undefined) {
    this.scope = scope
    this.credentials = credentials
  }

  async answer(session: GatewaySession): Promise<void> {
    let body: Uint8Array
    try {
      body = await session.readBody(MAX_DATA_BYTES)
    } catch (error) {
      if (!(error instanceof ProxyError) || error.code !== 'BODY_TOO_LARGE') throw error
      respond(session, 413, 'PayloadTooLargeException', { message: 'Message too long' })
      return
    }
    if (session.finishedAt !== 0) return
    const refused = this.refusal(session, body)
    if (refused !== undefined) {
      respond(session, 403, 'ForbiddenException', { message: refused })
      return
    }
    const id = connectionIdOf(session.request.path)
    const operation = OPERATIONS[session.request.method]
    if (id === undefined || operation === undefined) {
      respond(session, 403, 'MissingAuthenticationTokenException', { message: 'Missing Authentication Token' })
      return
    }
    await this.carryOut(session, id, operation, body)
  }

  private async carryOut(
    session: GatewaySession,
    id: string,
    operation: ConnectionOperation,
    body: Uint8Array,
  ): Promise<void> {
    const result = await connections.ask(id, operation, this.scope, operation === 'post' ? body : undefined)
    if (session.finishedAt !== 0) return
    if (result === 'gone') respond(session, 410, 'GoneException', { message: 'Gone' })
    else if (result === 'limit') respond(session, 429, 'LimitExceededException', { message: 'Limit exceeded' })
    else if (result === 'done') {
      session.respond(operation === 'delete' ? 204 : 200, '', { 'x-amzn-RequestId': newRequestId() })
    } else session.respond(200, JSON.stringify(result), headers())
  }

  /** Why the caller may not, in a word for it. */
  private refusal({ request }: GatewaySession, body: Uint8Array): string | undefined {
    const { credentials } = this
    if (credentials === undefined) return undefined
    const { method, path, query, headers: fields } = request
    const verified = verifyRequest(
      { method, path, query, headers: fields, body },
      { credentials, services: ['execute-api'] },
    )
    return verified instanceof SignatureProblem ? verified.message : undefined
  }
}

const headers = () => ({ 'Content-Type': 'application/json', 'x-amzn-RequestId': newRequestId() })

function respond(session: GatewaySession, status: number, type: string, body: object): void {
  session.respond(status, JSON.stringify(body), { ...headers(), 'x-amzn-ErrorType': type })
}

/** What follows `@connections/`, decoded; undefined: nothing of the kind does. */
function connectionIdOf(path: string): string | undefined {
  const encoded = /\/(?:@|%40)connections\/([^/]+)$/i.exec(path)?.[1]
  if (encoded === undefined) return undefined
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

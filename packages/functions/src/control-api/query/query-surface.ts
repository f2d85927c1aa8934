import type { Headers } from '@sekisho/wire'
import type { HttpReply, HttpRequest } from '../../http/http-exchange.ts'
import { ServiceError } from '../../model/service-error.ts'
import { answerHeaders, XML_TYPE } from '../answer-headers.ts'
import { asServiceError } from '../invoke/invoke.ts'
import type { Surface } from '../surface.ts'
import { xml } from './xml.ts'

/** One call of a service that speaks AWS's query protocol: a form comes in, XML goes out. Throws ServiceError. */
export type QueryAction = (parameters: URLSearchParams) => object | undefined | Promise<object | undefined>

/** A service by the namespace of its answers. */
export interface QueryService {
  /** `https://iam.amazonaws.com/doc/2010-05-08/` */
  readonly namespace: string
  readonly actions: Readonly<Record<string, QueryAction>>
}

/** Services of the query protocol, told apart by the names of their actions. */
export class QuerySurface implements Surface {
  readonly maxBodyBytes = 262_144
  readonly signed = true
  private readonly actions = new Map<string, { readonly namespace: string; readonly action: QueryAction }>()
  private readonly onFailure: (error: unknown, operation: string) => void

  constructor(services: readonly QueryService[], onFailure: (error: unknown, operation: string) => void) {
    this.onFailure = onFailure
    for (const { namespace, actions } of services) {
      for (const name of Object.keys(actions)) this.actions.set(name, { namespace, action: actions[name] })
    }
  }

  serves(method: string, path: string, headers: Headers): boolean {
    const type = headers.get('content-type') ?? ''
    return method === 'POST' && path === '/' && type.startsWith('application/x-www-form-urlencoded')
  }

  handle({ body }: HttpRequest, reply: HttpReply, requestId: string): void {
    const parameters = new URLSearchParams(body.toString())
    this.answer(parameters, reply, requestId).catch((error: unknown) => {
      if (!(error instanceof ServiceError)) this.onFailure(error, parameters.get('Action') ?? '')
      const { code, status, message } = asServiceError(error)
      const detail = { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message }
      const body = xml('ErrorResponse', { Error: detail, RequestId: requestId })
      reply.send(status, answerHeaders(XML_TYPE, requestId), body)
    })
  }

  private async answer(parameters: URLSearchParams, reply: HttpReply, requestId: string): Promise<void> {
    const name = parameters.get('Action') ?? ''
    const found = this.actions.get(name)
    if (found === undefined) {
      const known = [...this.actions.keys()].join(', ')
      throw new ServiceError('InvalidAction', 400, `Could not find operation ${name}; there are ${known}`)
    }
    const result = await found.action(parameters)
    const parts =
      (result === undefined ? '' : xml(`${name}Result`, result)) + xml('ResponseMetadata', { RequestId: requestId })
    const text = `<${name}Response xmlns="${found.namespace}">${parts}</${name}Response>`
    reply.send(200, answerHeaders(XML_TYPE, requestId), text)
  }
}

/** A member that must be there. */
export function required(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name)
  if (value !== null && value !== '') return value
  throw new ServiceError(
    'ValidationError',
    400,
    `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
  )
}

/** Most members of one list. */
const MAX_MEMBERS = 100

/** `Tags.member.1.Key`, `Tags.member.1.Value` and so on. */
export function tagsOf(parameters: URLSearchParams): { Key: string; Value: string }[] {
  const tags = []
  for (let at = 1; at <= MAX_MEMBERS; at++) {
    const key = parameters.get(`Tags.member.${at}.Key`)
    if (key === null) break
    tags.push({ Key: key, Value: parameters.get(`Tags.member.${at}.Value`) ?? '' })
  }
  return tags
}

/** `TagKeys.member.1` and so on. */
export function membersOf(parameters: URLSearchParams, list: string): string[] {
  const members = []
  for (let at = 1; at <= MAX_MEMBERS; at++) {
    const member = parameters.get(`${list}.member.${at}`)
    if (member === null) break
    members.push(member)
  }
  return members
}

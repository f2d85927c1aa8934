import { isAuthority, isToken, type ResponseHead } from '@sekisho/wire'
import type { GatewaySession } from '../session.ts'
import type { PseudoFields } from './field-map.ts'

const REQUEST_NAMES = [':authority', ':path', ':method', ':scheme'] as const
const RESPONSE_NAMES = [':status'] as const

/** Path and query as they may go on the wire. */
const TARGET = /^(\/[!-~\x80-\xff]*|\*)$/

/** What a filter makes of the request line is what the upstream gets; the route was chosen before. */
export class RequestPseudoFields implements PseudoFields {
  readonly names = REQUEST_NAMES
  private readonly session: GatewaySession

  constructor(session: GatewaySession) {
    this.session = session
  }

  get(name: string): string | undefined {
    const { request, ctx, secure } = this.session
    switch (name) {
      case ':path':
        return ctx.upstreamTarget ?? request.target
      case ':method':
        return ctx.upstreamMethod ?? request.method
      case ':authority':
        return ctx.upstreamHost ?? request.host
      case ':scheme':
        return secure ? 'https' : 'http'
      default:
        return undefined
    }
  }

  set(name: string, value: string): boolean {
    const { ctx } = this.session
    if (this.get(name) === value) return true
    if (name === ':path' && TARGET.test(value)) ctx.upstreamTarget = value
    else if (name === ':method' && isToken(value) && value !== 'CONNECT') ctx.upstreamMethod = value
    else if (name === ':authority' && isAuthority(value)) ctx.upstreamHost = value
    else return false
    return true
  }
}

export class ResponsePseudoFields implements PseudoFields {
  readonly names = RESPONSE_NAMES
  private readonly response: ResponseHead

  constructor(response: ResponseHead) {
    this.response = response
  }

  get(name: string): string | undefined {
    return name === ':status' ? String(this.response.status) : undefined
  }

  set(name: string, value: string): boolean {
    if (name !== ':status' || !/^[2-9]\d\d$/.test(value)) return false
    const status = Number(value)
    if (status !== this.response.status) {
      this.response.status = status
      this.response.reason = ''
    }
    return true
  }
}

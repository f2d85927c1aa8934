import type { RequestHead } from '@sekisho/proxy'
import {
  albEvent,
  functionUrlEvent,
  http2Event,
  MediaTypes,
  restEvent,
  type EventRequest,
  type Http2Context,
  type PayloadFormat,
  type RestContext,
} from '@sekisho/functions/events'
import type { FunctionCallSettings } from '../resources/function-call.ts'
import type { NormalRoute } from '../resources/normalise-route.ts'
import type { GatewaySession } from '../session.ts'
import { newExtendedRequestId } from './request-ids.ts'
import { RouteTemplates, type RouteTemplate } from './route-template.ts'

/** What the answer of an event is read by. */
export interface MadeEvent {
  readonly payload: Buffer
  readonly requestId: string
}

/** Makes the events of one function for requests as its upstream would get them. */
export class EventMaker {
  readonly format: PayloadFormat
  readonly binaryTypes: MediaTypes
  private readonly settings: FunctionCallSettings
  readonly stage: string
  private readonly accountId: string
  private readonly targetGroupArn: string
  private readonly multiValue: boolean
  /** Of the routes that were asked for so far; a route that changes is another object. */
  private readonly templates = new WeakMap<NormalRoute, RouteTemplates>()

  constructor(settings: FunctionCallSettings, accountId: string, region: string, name: string) {
    this.format = settings.payload ?? 'http-2.0'
    this.binaryTypes = new MediaTypes(settings.binary_media_types ?? [])
    this.settings = settings
    this.stage = settings.stage ?? '$default'
    this.accountId = accountId
    this.multiValue = settings.multi_value_headers ?? false
    this.targetGroupArn = `arn:aws:elasticloadbalancing:${region}:${accountId}:targetgroup/${name.replaceAll(':', '-')}/0000000000000000`
  }

  /** @param head as it would leave for an upstream */
  make(session: GatewaySession, head: RequestHead, body: Uint8Array, requestId: string): Buffer {
    const request = eventRequest(session, head, body)
    return Buffer.from(JSON.stringify(this.event(session, request, requestId)))
  }

  http2Context(session: GatewaySession, requestId: string): Http2Context {
    const { ctx } = session
    const { resource, parameters } = this.templateOf(session)
    return {
      ...this.place(session),
      requestId,
      // A route of every path is the one that nothing else took.
      routeKey:
        resource === '/{proxy+}'
          ? '$default'
          : `${ctx.plan?.route.methods === undefined ? 'ANY' : ctx.method} ${resource}`,
      stage: this.stage,
      timeMs: Date.now(),
      pathParameters: parameters,
      stageVariables: this.settings.stage_variables,
      authorizer: ctx.authorizer === undefined ? undefined : { lambda: ctx.authorizer },
    }
  }

  restContext(session: GatewaySession, requestId: string): RestContext {
    const { ctx } = session
    const { resource, parameters } = this.templateOf(session)
    return {
      ...this.place(session),
      requestId,
      extendedRequestId: newExtendedRequestId(),
      resource,
      resourceId: ctx.plan?.route.id ?? '',
      stage: this.stage,
      timeMs: Date.now(),
      binaryTypes: this.binaryTypes,
      pathParameters: parameters,
      stageVariables: this.settings.stage_variables,
      authorizer: ctx.authorizer,
    }
  }

  private event(session: GatewaySession, request: EventRequest, requestId: string): object {
    switch (this.format) {
      case 'rest-1.0':
        return restEvent(request, this.restContext(session, requestId))
      case 'alb':
        return albEvent(request, { targetGroupArn: this.targetGroupArn, multiValue: this.multiValue })
      case 'function-url': {
        const { apiId: urlId } = this.place(session)
        return functionUrlEvent(request, {
          accountId: 'anonymous',
          urlId,
          requestId,
          timeMs: Date.now(),
          accessKey: undefined,
        })
      }
      default: {
        const staged = this.stage === '$default' ? request : { ...request, path: `/${this.stage}${request.path}` }
        return http2Event(staged, this.http2Context(session, requestId))
      }
    }
  }

  private place({ ctx }: GatewaySession): { accountId: string; apiId: string; domainPrefix: string } {
    const { plan, host } = ctx
    const dot = host.indexOf('.')
    return {
      accountId: this.accountId,
      apiId: plan?.service?.id ?? plan?.route.id ?? '',
      domainPrefix: dot < 0 ? host : host.slice(0, dot),
    }
  }

  private templateOf({ ctx }: GatewaySession): RouteTemplate {
    const route = ctx.plan?.route
    if (route === undefined) return { resource: ctx.path, parameters: undefined }
    let templates = this.templates.get(route)
    if (templates === undefined) this.templates.set(route, (templates = new RouteTemplates(route.uris)))
    return templates.of(ctx.path, ctx.uriParams)
  }
}

/** A request in the terms of events. */
export const eventRequest = (session: GatewaySession, head: RequestHead, body: Uint8Array): EventRequest => ({
  method: head.method,
  path: head.path,
  query: head.query,
  headers: head.headers,
  body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  sourceIp: session.ctx.remoteAddr,
  protocol: session.protocol,
  domainName: session.ctx.host,
})

/** Events that functions get for requests, and what their answers come to in HTTP. Pure: no sockets, no state. */
export { logTime, type EventRequest } from './event-request.ts'
export { addField, fieldsOf, hasField, MalformedAnswer, statusOf, type HttpAnswer } from './http-answer.ts'
export { addCookies, http2Answer, http2Event, type Http2Context } from './http-2.0.ts'
export { functionUrlEvent, type FunctionUrlContext } from './function-url.ts'
export { HTTP_INTEGRATION_TYPE, StreamingPrelude, type StreamedHead } from './streaming-prelude.ts'
export { MediaTypes, mediaTypeOf } from './media-types.ts'
export { restAnswer, restEvent, type RestBinary, type RestContext } from './rest-1.0.ts'
export { albAnswer, albEvent, type AlbAnswer, type AlbContext } from './alb.ts'
export {
  webSocketConnectEvent,
  webSocketDisconnectEvent,
  webSocketMessageEvent,
  type WebSocketConnection,
  type WebSocketMoment,
} from './web-socket.ts'
export { http2AuthorizerEvent, requestAuthorizerEvent, tokenAuthorizerEvent } from './authorizer-events.ts'
export { policyAnswer, simpleAnswer, type Authorization, type PolicyAuthorization } from './authorizer-answers.ts'
export { failureAnswer, type FunctionFailure, type PayloadFormat } from './failures.ts'

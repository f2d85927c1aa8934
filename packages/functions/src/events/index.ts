/** Events that functions get for requests, and what their answers come to in HTTP. Pure: no sockets, no state. */
export { logTime, type EventRequest } from './event-request.ts'
export { addField, fieldsOf, hasField, MalformedAnswer, statusOf, type HttpAnswer } from './http-answer.ts'
export { addCookies, http2Answer, http2Event, type Http2Context } from './http-2.0.ts'
export { functionUrlEvent, type FunctionUrlContext } from './function-url.ts'
export { HTTP_INTEGRATION_TYPE, StreamingPrelude, type StreamedHead } from './streaming-prelude.ts'

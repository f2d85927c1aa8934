import { Headers } from '@sekisho/wire'
import type { FunctionUrl } from '../catalog/function-catalog.ts'

type Cors = NonNullable<FunctionUrl['cors']>

/** Lines that the CORS settings of a function URL add to an answer; without the origin's leave only `Vary`. */
export function urlCors(cors: Cors, origin: string): Headers {
  const headers = new Headers()
  headers.append('Vary', 'Origin')
  const any = cors.allowOrigins.includes('*')
  if (!any && !cors.allowOrigins.includes(origin)) return headers
  headers.append('Access-Control-Allow-Origin', any && !cors.allowCredentials ? '*' : origin)
  if (cors.allowCredentials) headers.append('Access-Control-Allow-Credentials', 'true')
  if (cors.exposeHeaders.length > 0) headers.append('Access-Control-Expose-Headers', cors.exposeHeaders.join(','))
  return headers
}

/** The answer to the question that browsers ask first. `*` as a list of what was asked for, since browsers take no `*` with credentials. */
export function urlPreflight(cors: Cors, request: Headers): Headers {
  const headers = urlCors(cors, request.get('origin') ?? '')
  if (!headers.has('access-control-allow-origin')) return headers
  const method = request.get('access-control-request-method') ?? ''
  const wanted = request.get('access-control-request-headers')
  const methods = cors.allowMethods.includes('*') ? [method] : cors.allowMethods
  const names = cors.allowHeaders.includes('*') ? [wanted ?? ''] : cors.allowHeaders
  if (methods.length > 0) headers.append('Access-Control-Allow-Methods', methods.join(','))
  if (wanted !== undefined && names.length > 0) headers.append('Access-Control-Allow-Headers', names.join(','))
  headers.append('Access-Control-Max-Age', String(cors.maxAge))
  return headers
}

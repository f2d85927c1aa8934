/** `package.Service/Method`, behind what a route puts before it. */
const CALL = /^[^/]+\/[^/]+$/

/**
 * The path of the call behind the prefix of a route, as APISIX has it: `/api/*` takes `/api/package.Service/Method` to `/package.Service/Method`.
 * undefined: the path is that of a call already, or no route's `uri` ends right before one.
 *
 * @param path as it was sent, without the query
 */
export function callPath(path: string, uris: readonly string[]): string | undefined {
  // gRPC over HTTP/2: the path is "/" service "/" method. Nothing is to be cut off from two segments.
  if (path.indexOf('/', path.indexOf('/', 1) + 1) < 0) return undefined
  for (const uri of uris) {
    const star = uri.indexOf('*')
    const prefix = uri.slice(0, star)
    if (star < 0 || !prefix.endsWith('/') || !path.startsWith(prefix)) continue
    const rest = path.slice(prefix.length)
    if (CALL.test(rest)) return `/${rest}`
  }
  return undefined
}

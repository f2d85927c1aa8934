import type { MatchRequest } from '../route.ts'

/** A request for tests: `GET` of a path without a host, unless `given` says otherwise. */
export function requestOf(
  given: Partial<MatchRequest> & { variables?: Record<string, string | number> } = {},
): MatchRequest {
  const { variables = {}, ...rest } = given
  return {
    method: 'GET',
    path: '/',
    host: '',
    remoteAddr: '127.0.0.1',
    uriParams: undefined,
    variable: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
    ...rest,
  }
}

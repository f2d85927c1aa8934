/** The parts of a request that this function looks at: a function URL or an HTTP API sends it (payload format 2.0). */
interface Request {
  readonly rawPath: string
  readonly requestContext: { readonly http: { readonly method: string } }
}

interface Response {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** GET /hello/Ada greets Ada. */
export async function handler({ rawPath, requestContext }: Request): Promise<Response> {
  const name = /^\/hello\/([^/]+)$/.exec(rawPath)?.[1]
  if (name === undefined) return json(404, { message: `nothing is at ${rawPath}` })
  if (requestContext.http.method !== 'GET') return json(405, { message: 'only GET' })
  return json(200, { message: `hello, ${decodeURIComponent(name)}` })
}

function json(statusCode: number, value: unknown): Response {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

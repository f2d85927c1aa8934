import { Headers } from '@sekisho/wire'
import { httpDate } from '../control-api/answer-headers.ts'

/** The fields of a function's answer and our own. What the URL's settings say of CORS takes the place of what the function says. */
export function answerLines(
  fields: readonly (readonly [string, string])[],
  requestId: string,
  cors: Headers | undefined,
): Headers {
  const headers = new Headers()
  let dated = false
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (lower === 'x-amzn-requestid' || (cors !== undefined && lower.startsWith('access-control-'))) continue
    if (lower === 'date') dated = true
    headers.append(name, value)
  }
  if (!dated) headers.appendUnchecked('Date', httpDate())
  headers.appendUnchecked('x-amzn-RequestId', requestId)
  if (cors !== undefined) for (const [name, value] of cors) headers.appendUnchecked(name, value)
  return headers
}

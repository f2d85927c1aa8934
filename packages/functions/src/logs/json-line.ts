/**
 * A line of a function as an event of the log format JSON. What is a JSON object already stays as it is: the runtime has written it.
 *
 * @param requestId undefined between invocations
 */
export function jsonLine(text: string, requestId: string | undefined, timeMs: number): string {
  if (isJsonObject(text)) return text
  return JSON.stringify({
    timestamp: new Date(timeMs).toISOString(),
    level: 'INFO',
    ...(requestId === undefined ? {} : { requestId }),
    message: text,
  })
}

function isJsonObject(text: string): boolean {
  if (!text.startsWith('{') || !text.endsWith('}')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

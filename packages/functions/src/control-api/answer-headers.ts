import { Headers } from '@sekisho/wire'

export const JSON_TYPE = 'application/json'
export const XML_TYPE = 'text/xml'
export const TEXT_TYPE = 'text/plain; charset=utf-8'

const NAMES = ['Date', 'Content-Type', 'x-amzn-RequestId']

/** What every answer has. @param extra added as it is */
export function answerHeaders(contentType: string, requestId: string, extra?: Headers): Headers {
  const headers = new Headers()
  headers.appendLines(
    `Date: ${httpDate()}\r\nContent-Type: ${contentType}\r\nx-amzn-RequestId: ${requestId}\r\n`,
    NAMES,
  )
  if (extra !== undefined) for (const [name, value] of extra) headers.appendUnchecked(name, value)
  return headers
}

let dateSecond = 0
let dateText = ''

/** `Sat, 21 Nov 2026 18:00:00 GMT`, made once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1000).toUTCString()
  }
  return dateText
}

import { Headers } from '../headers/headers.ts'
import { RequestHead } from '../h1/request-head.ts'

/** A request head as a client's sender takes it, from its text `METHOD TARGET HTTP/1.1\r\nName: value\r\n…\r\n\r\n`. */
export function requestOf(text: string, upgrade = false): RequestHead {
  const [line = '', ...fields] = text.split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const headers = new Headers(
    fields
      .filter((field) => field !== '')
      .map((field) => `${field}\r\n`)
      .join(''),
  )
  return new RequestHead(method, target, headers.get('host') ?? '', 1, headers, 0, true, upgrade, false, false, 0)
}

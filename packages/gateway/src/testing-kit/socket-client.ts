import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type Answer, answerOf, pairsOf } from './answer.ts'
import { piecesOf, type RequestOptions } from './test-request.ts'

/** One request on a connection of its own. */
export function fetchFrom(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, host } = options
  const all = { ...headers, ...(host === undefined ? {} : { host }) } as OutgoingHttpHeaders
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: all, agent: false }, (response) => {
      buffer(response).then(
        (bytes) => resolve(answerOf(response.statusCode ?? 0, pairsOf(response.rawHeaders), bytes)),
        reject,
      )
    })
    request.on('error', reject)
    if (!Array.isArray(body)) request.end(body)
    else {
      for (const piece of piecesOf(body).pieces) request.write(piece)
      request.end()
    }
  })
}

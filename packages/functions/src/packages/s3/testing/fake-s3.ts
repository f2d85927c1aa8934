import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { SignatureProblem, verifyRequest } from '../../../signature/index.ts'
import type { S3Settings } from '../s3-client.ts'

/** One bucket in memory that checks signatures: as much of S3 as packages need. */
export class FakeS3 {
  readonly bucket = 'code'
  readonly objects = new Map<string, { readonly bytes: Buffer; readonly modified: Date }>()
  readonly requests: string[] = []
  /** Keys in one answer of ListObjectsV2. */
  pageSize = 1_000
  readonly #server: Server
  readonly #credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response))
  }

  static async start(): Promise<FakeS3> {
    const fake = new FakeS3()
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get settings(): S3Settings {
    const { port } = this.#server.address() as AddressInfo
    return { endpoint: `http://127.0.0.1:${port}`, region: 'eu-west-1', credentials: this.#credentials }
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const [path = '', query = ''] = request.url!.split('?')
    this.requests.push(`${request.method} ${path}`)
    const headers: [string, string][] = []
    for (let index = 0; index < request.rawHeaders.length; index += 2)
      headers.push([request.rawHeaders[index]!, request.rawHeaders[index + 1]!])
    const verified = verifyRequest(
      { method: request.method!, path, query, headers, body },
      { credentials: (id) => (id === this.#credentials.accessKeyId ? this.#credentials : undefined), services: ['s3'] },
    )
    if (verified instanceof SignatureProblem) return fail(response, 403, 'SignatureDoesNotMatch', verified.message)
    const [, bucket, ...rest] = path.split('/').map(decodeURIComponent)
    if (bucket !== this.bucket) return fail(response, 404, 'NoSuchBucket', 'The specified bucket does not exist')
    this.#answer(request.method!, rest.join('/'), new URLSearchParams(query), body, response)
  }

  #answer(method: string, key: string, query: URLSearchParams, body: Buffer, response: ServerResponse): void {
    if (key === '') return this.#list(query, response)
    if (method === 'PUT') {
      this.objects.set(key, { bytes: body, modified: new Date() })
      response.end()
      return
    }
    if (method === 'DELETE') {
      this.objects.delete(key)
      response.writeHead(204).end()
      return
    }
    const object = this.objects.get(key)
    if (object === undefined) return fail(response, 404, 'NoSuchKey', 'The specified key does not exist.', method)
    response.writeHead(200, { 'content-length': object.bytes.length })
    response.end(method === 'HEAD' ? undefined : object.bytes)
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? ''
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    const start = Number(query.get('continuation-token') ?? 0)
    const page = keys.slice(start, start + this.pageSize)
    const more = start + page.length < keys.length
    const contents = page.map((key) => {
      const modified = this.objects.get(key)!.modified.toISOString()
      return `<Contents><Key>${key.replaceAll('&', '&amp;')}</Key><LastModified>${modified}</LastModified></Contents>`
    })
    const next = more ? `<NextContinuationToken>${start + page.length}</NextContinuationToken>` : ''
    response.end(
      `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${contents.join('')}${next}</ListBucketResult>`,
    )
  }
}

function fail(response: ServerResponse, status: number, code: string, message: string, method = 'GET'): void {
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(method === 'HEAD' ? undefined : `<Error><Code>${code}</Code><Message>${message}</Message></Error>`)
}

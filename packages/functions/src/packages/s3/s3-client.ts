import { createReadStream } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { signRequest, type Credentials } from '../../signature/index.ts'
import type { ZipSource } from '../zip/zip-bytes.ts'

export interface S3Settings {
  /** `https://s3.eu-west-1.amazonaws.com`, `http://127.0.0.1:9000`; buckets are named in the path. */
  readonly endpoint: string
  readonly region: string
  readonly credentials: Credentials
}

/** An answer other than 200: what S3 calls it. */
export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly status: number
  /** `NoSuchKey`, `NoSuchBucket`, `AccessDenied`, … */
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface S3Object {
  readonly size: number
  readonly stream: Readable
}

export interface S3Listed {
  readonly key: string
  readonly modified: Date
}

/** Without a byte for so long, a request is given up. */
const IDLE_MS = 60_000
/** Of answers that are read whole: errors and lists of 1,000 keys. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
/** SHA-256 of nothing. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly path: string
  readonly query?: URLSearchParams
  readonly source?: ZipSource
  readonly size?: number
  readonly sha256?: string
}

/** The few calls of S3 that packages need, against any server that speaks its protocol. */
export class S3Client {
  readonly #settings: S3Settings

  constructor(settings: S3Settings) {
    this.#settings = settings
  }

  async get(bucket: string, key: string, versionId?: string): Promise<S3Object> {
    const query = new URLSearchParams(versionId === undefined ? {} : { versionId })
    const response = await this.#send({ method: 'GET', path: objectPath(bucket, key), query })
    return { size: Number(response.headers['content-length'] ?? Number.NaN), stream: response }
  }

  /** @returns its size; undefined when there is none */
  async head(bucket: string, key: string): Promise<number | undefined> {
    try {
      const response = await this.#send({ method: 'HEAD', path: objectPath(bucket, key) })
      response.resume()
      return Number(response.headers['content-length'])
    } catch (error) {
      if (error instanceof S3Error && error.status === 404) return undefined
      throw error
    }
  }

  async put(bucket: string, key: string, source: ZipSource, size: number, sha256: string): Promise<void> {
    const response = await this.#send({ method: 'PUT', path: objectPath(bucket, key), source, size, sha256 })
    response.resume()
  }

  async remove(bucket: string, key: string): Promise<void> {
    const response = await this.#send({ method: 'DELETE', path: objectPath(bucket, key) })
    response.resume()
  }

  async *list(bucket: string, prefix: string): AsyncGenerator<S3Listed> {
    for (let token: string | undefined; ;) {
      const query = new URLSearchParams({ 'list-type': '2', prefix })
      if (token !== undefined) query.set('continuation-token', token)
      const text = await textOf(await this.#send({ method: 'GET', path: `/${bucket}`, query }))
      for (const [, contents] of text.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g))
        yield { key: element(contents!, 'Key')!, modified: new Date(element(contents!, 'LastModified') ?? 0) }
      token = element(text, 'IsTruncated') === 'true' ? element(text, 'NextContinuationToken') : undefined
      if (token === undefined) return
    }
  }

  async #send(request: S3Request): Promise<IncomingMessage> {
    const { endpoint, region, credentials } = this.#settings
    const url = new URL(endpoint.replace(/\/$/, '') + request.path)
    // S3 wants %20, never a plus sign.
    if (request.query !== undefined) url.search = request.query.toString().replaceAll('+', '%20')
    const length = request.size === undefined ? {} : { 'content-length': String(request.size) }
    const { headers } = signRequest({
      method: request.method,
      url,
      headers: length,
      payloadHash: request.sha256 ?? EMPTY_SHA256,
      service: 's3',
      region,
      credentials,
    })
    const response = await exchange(url, request, headers)
    if (response.statusCode! < 300) return response
    const text = request.method === 'HEAD' ? '' : await textOf(response)
    response.resume()
    const code = element(text, 'Code') ?? `HTTP${response.statusCode}`
    throw new S3Error(response.statusCode!, code, element(text, 'Message') ?? `the answer of ${url.host} was ${code}`)
  }
}

function exchange(url: URL, request: S3Request, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const outgoing = send(url, { method: request.method, headers, timeout: IDLE_MS }, resolve)
    outgoing.on('error', reject)
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url.host} said nothing for ${IDLE_MS / 1_000} s`)))
    const { source } = request
    if (source === undefined || Buffer.isBuffer(source)) outgoing.end(source)
    else pipeline(createReadStream(source.file), outgoing).catch(reject)
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_TEXT_BYTES) throw new Error('the answer is longer than a list of objects can be')
  }
  return text
}

/** The text of the first element of that name: S3's answers are flat, and have no attributes where we look. */
function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`)
  const end = xml.indexOf(`</${name}>`, start)
  if (start < 0 || end < 0) return undefined
  return xml
    .slice(start + name.length + 2, end)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

const objectPath = (bucket: string, key: string): string =>
  `/${bucket}/${key
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/')}`

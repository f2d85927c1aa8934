import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/** What came back. */
export interface CurlAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** Cookies by name, in the file that `-c` and `-b` name. */
export type CookieJars = Map<string, Map<string, string>>

interface CurlCall {
  url: string
  method: string | undefined
  readonly fields: [string, string][]
  data: string[]
  readonly form: [string, string][]
  get: boolean
  follow: boolean
  h2: boolean
  decode: boolean
  readJar: string | undefined
  writeJar: string | undefined
}

const WITHOUT_EFFECT = new Set([
  '-i',
  '-s',
  '-S',
  '-sS',
  '-si',
  '-is',
  '-v',
  '-k',
  '-f',
  '-N',
  '--path-as-is',
  '--http1.1',
])
const VALUE_WITHOUT_EFFECT = new Set(['-o', '-w', '--resolve', '--max-time', '-m'])

/**
 * Does what curl does with these arguments, for the options that examples use. Connections go to the port that `portOf` says, whatever host and port
 * the URL names: those are what `Host` says.
 */
export async function curl(
  args: readonly string[],
  portOf: (host: string) => number,
  jars: CookieJars,
): Promise<CurlAnswer> {
  const call = parse(args)
  let answer = await send(call, portOf(new URL(call.url).host), jars)
  for (let hops = 0; call.follow && answer.status >= 300 && answer.status < 400 && hops < 10; hops++) {
    const location = answer.fields.find(([name]) => name === 'location')?.[1]
    if (location === undefined) break
    call.url = new URL(location, call.url).href
    if (answer.status !== 307 && answer.status !== 308) Object.assign(call, { method: undefined, data: [] })
    answer = await send(call, portOf(new URL(call.url).host), jars)
  }
  return answer
}

function parse(args: readonly string[]): CurlCall {
  const call: CurlCall = {
    url: '',
    method: undefined,
    fields: [],
    data: [],
    form: [],
    get: false,
    follow: false,
    h2: false,
    decode: false,
    readJar: undefined,
    writeJar: undefined,
  }
  for (let at = 0; at < args.length; at++) {
    const option = args[at]!
    if (!option.startsWith('-')) call.url = option
    else if (WITHOUT_EFFECT.has(option)) continue
    else if (VALUE_WITHOUT_EFFECT.has(option)) at++
    else if (!flag(call, option)) setting(call, option, args[++at] ?? '')
  }
  if (call.url === '') throw new Error('curl: no URL')
  return call
}

function flag(call: CurlCall, option: string): boolean {
  if (option === '-G') call.get = true
  else if (option === '-I') call.method = 'HEAD'
  else if (option === '-L') call.follow = true
  else if (option === '--compressed') {
    call.decode = true
    call.fields.push(['Accept-Encoding', 'gzip, deflate, br'])
  } else if (option === '--http2-prior-knowledge') call.h2 = true
  else return false
  return true
}

function setting(call: CurlCall, option: string, value: string): void {
  const field = (name: string, text: string): unknown => call.fields.push([name, text])
  switch (option) {
    case '-X':
      call.method = value
      break
    case '-H': {
      const [, name = '', mark, text = ''] = /^([^:;]+)([:;])\s*(.*)$/.exec(value) ?? []
      if (name === '') throw new Error(`curl: -H needs "Name: value", not ${value}`)
      // "Name:" takes curl's own field out; "Name;" sends an empty one.
      if (text !== '' || mark === ';') field(name, text)
      break
    }
    case '-A':
      field('User-Agent', value)
      break
    case '-e':
      field('Referer', value)
      break
    case '-u':
      field('Authorization', `Basic ${Buffer.from(value).toString('base64')}`)
      break
    case '-b':
      if (value.includes('=')) field('Cookie', value)
      else call.readJar = value
      break
    case '-c':
      call.writeJar = value
      break
    case '-d':
    case '--data':
    case '--data-raw':
    case '--data-binary':
      call.data.push(value)
      break
    case '--data-urlencode': {
      const equals = value.indexOf('=')
      call.data.push(`${value.slice(0, equals + 1)}${encodeURIComponent(value.slice(equals + 1))}`)
      break
    }
    case '--json':
      field('Content-Type', 'application/json')
      field('Accept', 'application/json')
      call.data.push(value)
      break
    case '-F': {
      const equals = value.indexOf('=')
      call.form.push([value.slice(0, equals), value.slice(equals + 1)])
      break
    }
    default:
      throw new Error(`curl: docs/testing/curl.ts does not know the option ${option}`)
  }
}

async function send(call: CurlCall, port: number, jars: CookieJars): Promise<CurlAnswer> {
  const url = new URL(call.url)
  // As it is written: a path like /a/../b is not what URL makes of it.
  let target = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(call.url)?.[1] ?? ''
  if (!target.startsWith('/')) target = `/${target}`
  const fields = [...call.fields]
  const has = (name: string): boolean => fields.some(([other]) => other.toLowerCase() === name)
  let body: string | undefined
  if (call.form.length > 0) {
    const boundary = `form-${randomUUID()}`
    body = call.form
      .map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join('')
    body += `--${boundary}--\r\n`
    fields.push(['Content-Type', `multipart/form-data; boundary=${boundary}`])
  } else if (call.data.length > 0 && call.get) {
    target += `${target.includes('?') ? '&' : '?'}${call.data.join('&')}`
  } else if (call.data.length > 0) {
    body = call.data.join('&')
    if (!has('content-type')) fields.push(['Content-Type', 'application/x-www-form-urlencoded'])
  }
  const jar = call.readJar === undefined ? undefined : jars.get(call.readJar)
  if (jar !== undefined && jar.size > 0)
    fields.push(['Cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; ')])
  if (!has('host')) fields.push(['Host', url.host])
  if (!has('user-agent')) fields.push(['User-Agent', 'curl/8.5.0'])
  if (!has('accept')) fields.push(['Accept', '*/*'])
  const method = call.method ?? (body === undefined ? 'GET' : 'POST')
  const answer = await (call.h2 ? sendH2 : sendH1)(port, method, target, fields, body)
  if (call.writeJar !== undefined) keepCookies(jars, call.writeJar, answer.fields)
  return { ...answer, body: text(answer, call.decode) }
}

interface RawAnswer {
  readonly status: number
  readonly fields: readonly (readonly [string, string])[]
  readonly bytes: Buffer
}

function sendH1(
  port: number,
  method: string,
  path: string,
  fields: readonly [string, string][],
  body?: string,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | string[]> = {}
    for (const [name, value] of fields) {
      const known = headers[name]
      headers[name] = known === undefined ? value : [known, value].flat()
    }
    if (body !== undefined && !('Transfer-Encoding' in headers))
      headers['Content-Length'] = String(Buffer.byteLength(body))
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const raw = response.rawHeaders
      const pairs = raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1]!] as const] : []))
      buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, fields: pairs, bytes }), reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function sendH2(
  port: number,
  method: string,
  path: string,
  fields: readonly [string, string][],
  body?: string,
): Promise<RawAnswer> {
  const session = connect(`http://127.0.0.1:${port}`)
  try {
    const host = fields.find(([name]) => name.toLowerCase() === 'host')?.[1]
    const own = fields
      .filter(([name]) => name.toLowerCase() !== 'host')
      .map(([name, value]) => [name.toLowerCase(), value])
    const stream = session.request({ ':method': method, ':path': path, ':authority': host, ...Object.fromEntries(own) })
    stream.end(body)
    const pairs: [string, string][] = []
    let status = 0
    const add = (received: object): void => {
      for (const [name, value] of Object.entries(received)) {
        if (name === ':status') status = Number(value)
        else pairs.push([name, String(value)])
      }
    }
    stream.on('response', add).on('trailers', add)
    return { bytes: await buffer(stream), status, fields: pairs }
  } finally {
    session.destroy()
  }
}

function text({ bytes, fields }: RawAnswer, decode: boolean): string {
  const encoding = fields.find(([name]) => name === 'content-encoding')?.[1]
  if (!decode || bytes.length === 0) return bytes.toString('utf8')
  if (encoding === 'gzip') return gunzipSync(bytes).toString('utf8')
  if (encoding === 'br') return brotliDecompressSync(bytes).toString('utf8')
  return (encoding === 'deflate' ? inflateSync(bytes) : bytes).toString('utf8')
}

function keepCookies(jars: CookieJars, file: string, fields: RawAnswer['fields']): void {
  const jar = jars.get(file) ?? new Map<string, string>()
  jars.set(file, jar)
  for (const [name, value] of fields) {
    if (name !== 'set-cookie') continue
    const [, cookie = '', content = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(value) ?? []
    if (/max-age=0\b|expires=Thu, 01[ -]Jan[ -]1970/i.test(attributes)) jar.delete(cookie)
    else jar.set(cookie, content)
  }
}

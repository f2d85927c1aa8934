import { request, type IncomingMessage } from 'node:http'

/** What a `curl` command line asks for, of the few options that the guide uses. */
export interface CurlCommand {
  readonly method: string
  /** More than one when the URL has a range, `[1-4]`. */
  readonly urls: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

const FLAGS = new Set(['-s', '-i', '-N'])
const WITH_VALUE = new Set(['-o', '-w', '-m'])

/** Reads a command line as a shell and curl would. Throws for anything that it does not know. */
export function parseCurl(line: string): CurlCommand {
  const [command, ...words] = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain)
  if (command !== 'curl') throw new Error(`not curl: ${line}`)
  const headers: Record<string, string> = {}
  const urls: string[] = []
  let method = 'GET'
  while (words.length > 0) {
    const word = words.shift() as string
    if (FLAGS.has(word)) continue
    if (WITH_VALUE.has(word)) words.shift()
    else if (word === '-X') method = words.shift() as string
    else if (word === '-H') {
      const [name, value] = (words.shift() as string).split(': ')
      headers[name] = value
    } else if (word.startsWith('http://')) urls.push(...ranged(word))
    else throw new Error(`unknown to this test: ${word}`)
  }
  return { method, urls, headers }
}

function ranged(url: string): string[] {
  const range = /\[(\d+)-(\d+)\]/.exec(url)
  if (range === null) return [url]
  const [all, from, to] = range
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, at) => url.replace(all, String(Number(from) + at)))
}

export interface CurlAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** After a switch of protocols: the first bytes that came. */
  readonly body: string
}

/** Does what the command line says: one answer for each URL, one after the other. */
export async function runCurl(line: string): Promise<CurlAnswer[]> {
  const { method, urls, headers } = parseCurl(line)
  const answers: CurlAnswer[] = []
  for (const url of urls) answers.push(await ask(url, method, headers))
  return answers
}

export function ask(url: string, method = 'GET', headers: Readonly<Record<string, string>> = {}): Promise<CurlAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false })
    asked.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    asked.on('upgrade', (response, socket, head) => {
      const done = (bytes: Buffer): void => {
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes.toString('latin1') })
      }
      if (head.length > 0) done(head)
      else socket.once('data', done)
    })
    asked.on('error', reject)
    asked.end()
  })
}

import { readFile } from 'node:fs/promises'
import type { RequestListener, ServerResponse } from 'node:http'
import { BUNDLE } from './bundle-path.ts'

const WEB = new URL('../../web/', import.meta.url)

interface PageFile {
  readonly type: string
  readonly read: () => Promise<Uint8Array>
}

/** All that is served, by path: nothing of a request becomes the name of a file. */
const FILES: Readonly<Record<string, PageFile>> = {
  '/': { type: 'text/html; charset=utf-8', read: () => readFile(new URL('index.html', WEB)) },
  '/page.css': { type: 'text/css; charset=utf-8', read: () => readFile(new URL('page.css', WEB)) },
  '/page.js': { type: 'text/javascript; charset=utf-8', read: script },
}

/** The page's own files, and calls to whatever gateway it is pointed at. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src http: https:; base-uri 'none'"

/** The web page, from an origin of its own: the gateway serves gRPC, and no files. */
export function webPage(): RequestListener {
  return (request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?', 1)
    const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined
    if (file === undefined) response.writeHead(404).end('not found\n')
    else void send(response, file)
  }
}

async function send(response: ServerResponse, { type, read }: PageFile): Promise<void> {
  try {
    const bytes = await read()
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY, 'cache-control': 'no-store' })
    response.end(bytes)
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`)
  }
}

/** What `npm run build:web` wrote; where nobody ran it, it is made now. */
async function script(): Promise<Uint8Array> {
  try {
    return await readFile(BUNDLE)
  } catch {
    return (await import('./bundle.ts')).bundlePage()
  }
}

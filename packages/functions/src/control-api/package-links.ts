import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { HttpReply, HttpRequest } from '../http/http-exchange.ts'
import { ServiceError } from '../model/service-error.ts'
import { answerHeaders } from './answer-headers.ts'
import { pour } from './own/pour.ts'
import { sendError } from './error-answer.ts'
import type { Surface } from './surface.ts'

/** `PackageLibrary.openPackage` */
export type OpenPackage = (sha256: string) => Promise<{ readonly size: number; readonly stream: Readable } | undefined>

const PREFIX = '/sekisho/packages/'
/** Ten minutes, as AWS's are. */
const LIFE_SECONDS = 600

/** `Code.Location` of GetFunction: links to packages that whoever has one may use for ten minutes, on the node that made it. */
export class PackageLinks implements Surface {
  readonly maxBodyBytes = 0
  /** The link is what allows it. */
  readonly signed = false
  private readonly key = randomBytes(32)
  private readonly open: OpenPackage
  private readonly wall: () => number

  /** @param wall milliseconds since 1970 */
  constructor(open: OpenPackage, wall: () => number = Date.now) {
    this.open = open
    this.wall = wall
  }

  /** @param origin `ApiRequest.origin` */
  link(origin: string, sha256: string): string {
    const expires = Math.floor(this.wall() / 1000) + LIFE_SECONDS
    return `${origin}${PREFIX}${sha256}.zip?expires=${expires}&signature=${this.signature(sha256, expires)}`
  }

  serves(method: string, path: string): boolean {
    return method === 'GET' && path.startsWith(PREFIX)
  }

  handle({ path, query }: HttpRequest, reply: HttpReply, requestId: string): void {
    const [, sha256] = /^([0-9a-f]{64})\.zip$/.exec(path.slice(PREFIX.length)) ?? []
    const members = new URLSearchParams(query)
    const expires = Number(members.get('expires'))
    if (sha256 === undefined || !this.isOurs(sha256, expires, members.get('signature') ?? '')) {
      throw new ServiceError('AccessDeniedException', 403, 'The link is none that was made here.')
    }
    if (expires * 1000 < this.wall()) throw new ServiceError('AccessDeniedException', 403, 'The link has expired.')
    this.send(sha256, reply, requestId).catch(() => reply.cut())
  }

  private async send(sha256: string, reply: HttpReply, requestId: string): Promise<void> {
    const stored = await this.open(sha256)
    if (stored === undefined) {
      sendError(reply, new ServiceError('ResourceNotFoundException', 404, 'The package is gone.'), requestId)
      return
    }
    const headers = answerHeaders('application/zip', requestId)
    headers.append('Content-Disposition', `attachment; filename="${sha256}.zip"`)
    reply.start(200, headers)
    await pour(stored.stream, reply)
  }

  private signature(sha256: string, expires: number): string {
    return createHmac('sha256', this.key).update(`${sha256}\n${expires}`).digest('hex')
  }

  private isOurs(sha256: string, expires: number, signature: string): boolean {
    const expected = Buffer.from(this.signature(sha256, expires))
    const given = Buffer.from(signature)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}

import type { GatewaySession } from '../../session.ts'

/** RFC 8555 section 8.3. */
const PREFIX = '/.well-known/acme-challenge/'

/** What an authority asks for to see that a host is ours (http-01), in one worker. Only tokens of orders that are under way are answered. */
export class AcmeChallenges {
  private readonly answers = new Map<string, string>()

  get pending(): number {
    return this.answers.size
  }

  /** @param answer the key authorization; undefined = the order is over */
  set(token: string, answer: string | undefined): void {
    if (answer === undefined) this.answers.delete(token)
    else this.answers.set(token, answer)
  }

  /** Answers the request, before any route or plugin sees it, if it asks for a token that is pending. */
  answer(session: GatewaySession): boolean {
    const { path } = session.ctx
    if (!path.startsWith(PREFIX)) return false
    const answer = this.answers.get(path.slice(PREFIX.length))
    if (answer === undefined) return false
    session.respond(200, answer, { 'Content-Type': 'application/octet-stream' })
    return true
  }
}

import { Agent, request } from 'node:http'
import { type Access, Lane } from './lane.ts'
import type { Ledger } from '../ledger.ts'
import { bodyOf, orderOf, token } from '../orders.mjs'

/** Long enough that most requests are with a node by then, and many answers have begun. */
const MAX_WAIT_MS = 120

/** Goes away before the answer is there, with half of its body sent or unsent. Nothing is expected but that the gateway cleans up after it. */
export class ImpatientLane extends Lane {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(access: Access, ledger: Ledger, next: () => number) {
    super(access, ledger, next)
  }

  protected override close(): void {
    this.agent.destroy()
  }

  protected ask(): Promise<void> {
    const number = this.ledger.nextNumber()
    const body = this.next() < 0.5 ? bodyOf(number, 'asked', orderOf(number).askedLength) : undefined
    const path = `/${body === undefined ? 'get' : 'post'}/${token(number)}`
    return new Promise((resolve) => {
      const asked = request({
        host: this.access.host,
        port: this.access.port,
        method: body === undefined ? 'GET' : 'POST',
        path,
        headers: body === undefined ? {} : { 'content-length': body.length },
        agent: this.agent,
      })
      asked.on('error', () => undefined)
      asked.on('response', (response) => response.on('error', () => undefined).resume())
      asked.on('close', () => resolve())
      setTimeout(() => asked.destroy(), this.next() * MAX_WAIT_MS)
      if (body === undefined) asked.end()
      else asked.write(body.subarray(0, body.length >> 1))
    })
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import { Lane, PATIENCE_MS } from './lane.ts'
import type { Loss } from '../ledger.ts'
import { bodyOf, token } from '../orders.mjs'

const MAX_MESSAGES = 60
const NORMAL = 1000

/** WebSockets, one after the other: each says a number of messages and closes when all of them have come back. */
export class WebSocketLane extends Lane {
  protected async ask(): Promise<void> {
    const order = this.ledger.begin('websocket', { idempotent: true, long: true })
    const { host, port, link: clientLink } = this.access
    const connection = connect(port, host)
    const socket = new WebSocket(`ws://${host}:${port}/ws/${token(order.number)}`, {
      perMessageDeflate: false,
      createConnection: () => connection,
    })
    let clientPort: number | undefined
    connection.once('connect', () => (clientPort = connection.localPort))
    const count = 1 + Math.floor(this.next() * MAX_MESSAGES)
    const expected: Buffer[] = []
    let worker: string | undefined
    let said = 0
    let over = false
    let how = ''
    const result = new Promise<Loss | undefined>((resolve) => {
      const late = setTimeout(() => {
        how = `nothing came for ${PATIENCE_MS} ms`
        socket.terminate()
      }, PATIENCE_MS)
      socket.on('upgrade', (response) => {
        worker = response.headers['x-worker'] as string | undefined
      })
      socket.on('error', (error) => (how = error.message))
      socket.on('message', (data: Buffer) => {
        late.refresh()
        const first = expected.shift()
        if (first === undefined || !data.equals(first))
          this.ledger.gotWrongBytes(order, 'another message than was sent')
        if (said === count && expected.length === 0) socket.close(NORMAL)
      })
      socket.on('close', (code) => {
        over = true
        clearTimeout(late)
        if (code === NORMAL && said === count && expected.length === 0) return resolve(undefined)
        resolve({ how: `closed with ${code} ${how}`, status: code, began: false, clientPort, clientLink, worker })
      })
    })
    const speak = async (): Promise<void> => {
      while (said < count && !over) {
        const message = bodyOf(order.number, 'asked', 16 + Math.floor(this.next() * (said % 8 === 7 ? 60_000 : 500)))
        expected.push(message)
        // When the run is over, this was the last.
        said = this.stopping ? count : said + 1
        socket.send(message, { binary: true })
        await pause(this.next() * 200)
      }
    }
    socket.on('open', () => void speak())
    this.ledger.ended(order, await result)
  }
}

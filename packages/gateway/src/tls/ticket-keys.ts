import { randomBytes } from 'node:crypto'

/** Name, HMAC key and AES key of session tickets (RFC 5077 section 4), as Node's `ticketKeys` takes them. */
const KEY_BYTES = 48

/**
 * A ticket is as secret as the keys it is sealed with, for everything that was sent over sessions of TLS 1.2: so keys live for hours and in memory
 * alone. Node holds one set of keys and knows no older ones, so that a change costs each client one full handshake.
 */
const LIFETIME_MS = 12 * 60 * 60 * 1_000

/** The keys of session tickets, the same for all workers: made by the control thread, so a session is resumed by any worker. */
export class TicketKeys {
  current: Uint8Array = randomBytes(KEY_BYTES)
  private readonly timer: NodeJS.Timeout

  /** @param changed tells the workers */
  constructor(changed: (keys: Uint8Array) => void) {
    this.timer = setInterval(() => {
      this.current = randomBytes(KEY_BYTES)
      changed(this.current)
    }, LIFETIME_MS)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

import { constants } from 'node:os'
import type { Socket } from 'node:net'
import type { SandboxLaunch } from '../driver.ts'

/** The guest agent connects to this port of the host for orders and reports. */
export const CONTROL_PORT = 9000
/** And to this one for each connection to 127.0.0.1:9001 that it passes on. */
export const RUNTIME_API_PORT = 9001

/** The longest report: output comes in pieces of at most 32 KiB, in base64. */
const MAX_LINE_BYTES = 65_536

/** What the guest is told, as one line of JSON, when it has connected. */
export interface GuestOrder {
  /** Block devices to mount read-only: `{ "/dev/vdb": "/var/task" }`. */
  readonly mounts: Readonly<Record<string, string>>
  /** Of /tmp, in MB. */
  readonly temporaryMb: number
  readonly launch: SandboxLaunch
}

export interface GuestReports {
  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void
  onExit(exit: { status: number | undefined; signal: NodeJS.Signals | undefined; outOfMemory: boolean }): void
  /** The guest does not keep to the protocol. */
  onFailure(failure: string): void
}

const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
)

/**
 * Lines of JSON both ways. From the guest: `{"output":"stdout","base64":"…"}` and, at the end, `{"exit":{"status":1}}` or
 * `{"exit":{"signal":9,"outOfMemory":true}}`. To the guest: the order, then `{"terminate":true}`. The guest is a stranger: what it
 * sends is checked, and at most MAX_LINE_BYTES are kept.
 */
export class GuestChannel {
  private readonly socket: Socket
  private readonly reports: GuestReports
  private rest = ''

  constructor(socket: Socket, order: GuestOrder, reports: GuestReports) {
    this.socket = socket
    this.reports = reports
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.onText(text))
    socket.on('error', () => undefined)
    socket.write(`${JSON.stringify(order)}\n`)
  }

  terminate(): void {
    this.socket.write('{"terminate":true}\n')
  }

  close(): void {
    this.socket.destroy()
  }

  private onText(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) this.onLine(line)
    if (this.rest.length > MAX_LINE_BYTES) this.refuse('a line that is too long')
  }

  private onLine(line: string): void {
    if (this.socket.destroyed) return
    let report: unknown
    try {
      report = JSON.parse(line)
    } catch {
      return this.refuse('a line that is not JSON')
    }
    const { output, base64, exit } = (report ?? {}) as Record<string, unknown>
    if ((output === 'stdout' || output === 'stderr') && typeof base64 === 'string') {
      this.reports.onOutput(output, Buffer.from(base64, 'base64'))
    } else if (typeof exit === 'object' && exit !== null) {
      const { status, signal, outOfMemory } = exit as Record<string, unknown>
      this.reports.onExit({
        status: typeof status === 'number' ? status & 0xff : undefined,
        signal: typeof signal === 'number' ? (SIGNAL_NAMES.get(signal) ?? 'SIGKILL') : undefined,
        outOfMemory: outOfMemory === true,
      })
    } else {
      this.refuse('a report that is none')
    }
  }

  private refuse(what: string): void {
    this.socket.destroy()
    this.reports.onFailure(`the guest sent ${what}`)
  }
}

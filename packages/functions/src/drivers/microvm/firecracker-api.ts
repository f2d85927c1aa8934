import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** Firecracker makes its socket some milliseconds after it started. */
const CONNECT_ATTEMPTS = 500
const CONNECT_PAUSE_MS = 2
const MAX_ANSWER_BYTES = 65_536

/** Firecracker's API over its unix socket: JSON over HTTP/1.1; 204 is success, errors have `fault_message`. */
export class FirecrackerApi {
  private readonly socketPath: string

  constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  /** Rejects with the fault, or when the socket does not come up. */
  async send(method: 'PUT' | 'PATCH', path: string, body: object): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(method, path, JSON.stringify(body))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if ((code !== 'ENOENT' && code !== 'ECONNREFUSED') || attempt === CONNECT_ATTEMPTS) throw error
        await pause(CONNECT_PAUSE_MS)
      }
    }
  }

  private once(method: string, path: string, body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        host: 'localhost',
      }
      const call = request({ socketPath: this.socketPath, method, path, headers }, (response) => {
        let text = ''
        response.on('data', (bytes: Buffer) => {
          if (text.length < MAX_ANSWER_BYTES) text += String(bytes)
        })
        response.on('end', () => {
          if (response.statusCode === 204) resolve()
          else reject(new Error(`${method} ${path}: ${faultOf(text) ?? `status ${response.statusCode}`}`))
        })
        response.on('error', reject)
      })
      call.on('error', reject)
      call.end(body)
    })
  }
}

function faultOf(text: string): string | undefined {
  try {
    const { fault_message: fault } = JSON.parse(text) as { fault_message?: unknown }
    return typeof fault === 'string' ? fault : undefined
  } catch {
    return undefined
  }
}

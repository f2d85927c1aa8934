import { chmodSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { relative } from 'node:path'
import { StoreError } from '../backend/store-error.ts'

/** macOS takes 104 bytes, Linux 108, both with a NUL at the end. */
const MAX_SOCKET_PATH_BYTES = 103

/** For the holder's first line. One that is frozen holds the lock all the same. */
const GREETING_TIMEOUT_MS = 2_000

/** Between two attempts at a socket that nobody listens on: its owner may be between bind and listen. */
const STALE_RETRY_MS = 50

/** One process may follow while it warms up to take the holder's place; the rest are tools that look who it is. */
const MAX_CONNECTIONS = 16

/** A byte for each commit that a frozen follower has not read. */
const MAX_UNREAD_BYTES = 64 * 1024

const CHANGED = '.'

/**
 * Who may write: the process that listens on a socket in the store's folder. The kernel closes it with the process, also after kill -9,
 * and tells who is connected: a file with a process id would go stale, and lie when ids are given out anew (each container has an
 * id 1). Node has no flock. Two that both find a stale socket can in theory both get here; the writer's name in the database, checked
 * by each commit, then stops the first.
 */
export class WriterLock {
  readonly #server: Server
  readonly #followers = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    server.maxConnections = MAX_CONNECTIONS
    server.on('connection', (socket) => {
      this.#followers.add(socket)
      socket.unref()
      socket.on('error', () => undefined)
      socket.on('close', () => this.#followers.delete(socket))
      socket.resume()
      socket.write(`${process.pid}\n`)
    })
    server.unref()
  }

  /** @returns the lock, or who has it */
  static async acquire(socketFile: string): Promise<WriterLock | LockHolder> {
    const path = socketPath(socketFile)
    for (let attempt = 0; ; attempt++) {
      const server = await listen(path)
      if (server !== undefined) return new WriterLock(server)
      const holder = await LockHolder.find(path)
      if (holder !== undefined) return holder
      if (attempt === 0) await new Promise((resolve) => setTimeout(resolve, STALE_RETRY_MS))
      else removeIfThere(path)
    }
  }

  /** Tells a process that follows that there is something to read. */
  changed(): void {
    for (const socket of this.#followers) {
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy()
      else socket.write(CHANGED)
    }
  }

  /** Removes the socket, then lets go of who waits for it. */
  release(): void {
    this.#server.close()
    for (const socket of this.#followers) socket.destroy()
  }
}

/** Another process, or another place in this one, that has the lock. */
export class LockHolder {
  readonly #socket: Socket
  /** Undefined when it did not say: frozen, or busy for long. */
  readonly pid: number | undefined
  /** It has ended, or closed its store. */
  readonly released: Promise<void>

  private constructor(socket: Socket, pid: number | undefined) {
    this.#socket = socket
    this.pid = pid
    this.released = new Promise((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
  }

  static find(path: string): Promise<LockHolder | undefined> {
    return new Promise((resolve) => {
      const socket = connect(path)
      let text = ''
      const greet = (pid: number | undefined): void => {
        clearTimeout(timer)
        socket.off('data', read)
        socket.pause()
        resolve(new LockHolder(socket, pid))
      }
      const timer = setTimeout(() => greet(undefined), GREETING_TIMEOUT_MS)
      const read = (chunk: Buffer): void => {
        text += chunk.toString('latin1')
        if (text.includes('\n') || text.length > 32) greet(Number.parseInt(text, 10) || undefined)
      }
      socket.on('data', read)
      socket.on('error', () => undefined)
      // Refused, or gone before it said anything.
      socket.once('close', () => {
        clearTimeout(timer)
        resolve(undefined)
      })
    })
  }

  /** @param changed it has written something */
  follow(changed: () => void): void {
    this.#socket.on('data', changed)
    this.#socket.resume()
    this.#socket.unref()
  }

  leave(): void {
    this.#socket.destroy()
  }
}

/** A server that listens; undefined when there is a socket already. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(new StoreError(`${path}: ${error.message}: this process cannot write there`, { cause: error }))
    })
    server.listen(path, () => {
      chmodSync(path, 0o600)
      resolve(server)
    })
  })
}

/** The shorter of absolute and relative: a socket's path is limited, that of a file is not. */
function socketPath(file: string): string {
  const nearer = relative(process.cwd(), file)
  const path = nearer.length < file.length ? nearer : file
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path
  throw new StoreError(
    `the path of the store is too long: ${path} has ${Buffer.byteLength(path)} bytes, a socket's path has at most ` +
      `${MAX_SOCKET_PATH_BYTES}. Take a shorter path`,
  )
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

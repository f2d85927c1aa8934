import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'

/** A pipe takes up to this many bytes whole, never mixed with what another thread writes (PIPE_BUF of Linux; POSIX promises 512). */
export const ATOMIC_PIPE_BYTES = 4_096

/** Logs name clients: not for every user of the machine. */
const FILE_MODE = 0o640

/** Where a log goes, opened. */
export interface LogTarget {
  readonly fd: number
  /** Whether a write never waits for a reader: a full pipe gives EAGAIN. */
  readonly nonBlocking: boolean
  /** The most that one write takes without being mixed with those of other threads. */
  readonly atomicBytes: number
  close(): void
}

/**
 * Opens `stdout`, `stderr` or a file (appended to, made when it is not there).
 *
 * A pipe is opened once more, through /proc, to have a file description of our own that can be non-blocking: a reader that stalls
 * would otherwise hold one of libuv's four threads for each worker, and name look-ups with them. Setting O_NONBLOCK on the description
 * that was inherited was rejected: it is shared with other processes (the shell), which would be surprised.
 *
 * @throws the system's error when the file cannot be opened
 */
export function openLogTarget(path: string): LogTarget {
  if (path === 'stdout' || path === 'stderr') return openInherited(path === 'stdout' ? 1 : 2)
  // Non-blocking matters only for a named pipe without a reader: an error instead of waiting for one.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
  const fd = openSync(path, flags, FILE_MODE)
  return target(fd, fstatSync(fd), true)
}

function openInherited(fd: number): LogTarget {
  const stats = fstatSync(fd)
  if (stats.isFIFO()) {
    try {
      return target(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), stats, true)
    } catch {
      // Not Linux, or a pipe of another user (containers): the inherited descriptor still works.
    }
  }
  return target(fd, stats, false)
}

function target(fd: number, stats: Stats, own: boolean): LogTarget {
  return {
    fd,
    nonBlocking: own && stats.isFIFO(),
    atomicBytes: stats.isFile() ? Number.POSITIVE_INFINITY : ATOMIC_PIPE_BYTES,
    close: () => {
      if (own) closeSync(fd)
    },
  }
}

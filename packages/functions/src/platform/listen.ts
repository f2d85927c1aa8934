import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { ListenTarget } from '@sekisho/wire'
import type { HttpHandler } from '../http/http-exchange.ts'
import { HttpListener } from '../http/http-listener.ts'

/** Binds the control API. Rejects with what is wrong with the address, and what to do about it. */
export async function listen(target: ListenTarget, handler: HttpHandler): Promise<HttpListener> {
  try {
    return await HttpListener.listen(target, handler)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if ('path' in target && code === 'EADDRINUSE' && (await isLeftOver(target.path))) {
      await unlink(target.path)
      return HttpListener.listen(target, handler)
    }
    throw new Error(
      `cannot listen on ${textOf(target)}: ${explanation(target, code)} (${code || (error as Error).message})`,
      {
        cause: error,
      },
    )
  }
}

/** The socket of a process that was killed: nobody answers. */
async function isLeftOver(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false
  const probe = connect(path)
  try {
    await once(probe, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    probe.destroy()
  }
}

function textOf(target: ListenTarget): string {
  if ('path' in target) return `unix:${target.path}`
  const host = 'host' in target ? target.host : ''
  return `${host.includes(':') ? `[${host}]` : host}:${'port' in target ? target.port : ''}`
}

function explanation(target: ListenTarget, code: string): string {
  const path = 'path' in target
  switch (code) {
    case 'EADDRINUSE':
      return path
        ? 'another process serves this socket, or the file is not a socket; choose another path'
        : 'the port is in use; stop the process that holds it or choose another port in "functions.address"'
    case 'EACCES':
      return path ? 'the folder may not be written to' : 'this user may not bind the port; use one above 1023'
    case 'ENOENT':
      return 'the folder does not exist'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address'
    default:
      return 'the system refused it'
  }
}

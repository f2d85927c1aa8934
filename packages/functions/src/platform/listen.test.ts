import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { HttpHandler } from '../http/http-exchange.ts'
import { listen } from './listen.ts'

const handler = {} as HttpHandler
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-listen-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('takes the socket of a process that was killed, and of no other', async () => {
  const path = join(folder, 'functions.sock')
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('ready'))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await expect(listen({ path }, handler)).rejects.toThrow(/cannot listen on unix:.*another process serves this socket/)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const listener = await listen({ path }, handler)
  listener.close()
})

it('says what is wrong with an address', async () => {
  const first = await listen({ host: '127.0.0.1', port: 0 }, handler)
  const again = listen({ host: '127.0.0.1', port: first.port }, handler)
  await expect(again).rejects.toThrow(
    `cannot listen on 127.0.0.1:${first.port}: the port is in use; stop the process that holds it or choose another port in "functions.address" (EADDRINUSE)`,
  )
  first.close()
  await expect(listen({ path: join(folder, 'none', 'a.sock') }, handler)).rejects.toThrow(/cannot listen on unix:/)
})

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transformSync } from 'esbuild'
import { type CodeBlock, ROOT } from './markdown.ts'

export const isProgram = ({ language, text }: CodeBlock): boolean => language === 'ts' && text.includes('new Server(')

/** A program of the documentation that serves. */
export interface RunningProgram {
  readonly port: number
  /** What it wrote to standard output so far. */
  readonly output: () => string
  readonly stop: () => Promise<void>
}

/** Runs a program as its reader would, apart from its ports: those of upstreams as given, its own a free one. */
export async function runProgram(block: CodeBlock, changes: Readonly<Record<string, string>>): Promise<RunningProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-program-'))
  const file = join(folder, 'program.mjs')
  writeFileSync(file, runnable(block.text, { '127.0.0.1:6188': '127.0.0.1:0', ...changes }))
  const child = spawn(process.execPath, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
    rmSync(folder, { recursive: true })
  }
  try {
    return { port: await readyPort(child), output: () => output, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** JavaScript that imports the built packages from anywhere. Each of `changes` must occur. */
function runnable(text: string, changes: Readonly<Record<string, string>>): string {
  let code = text
  for (const [from, to] of Object.entries(changes)) {
    if (!code.includes(from)) throw new Error(`the program does not say ${from}`)
    code = code.replaceAll(from, to)
  }
  const proxy = pathToFileURL(join(ROOT, 'packages/proxy/dist/index.js')).href
  return transformSync(code.replaceAll(`'@sekisho/proxy'`, `'${proxy}'`), { loader: 'ts', format: 'esm' }).code
}

/** The supervisor says `ready on 127.0.0.1:PORT: …` when all workers serve. */
function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
      const port = /ready on [\d.]+:(\d+)/.exec(errors)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}:\n${errors}`)))
  })
}

/** A server for a program to stand in front of. */
export interface Upstream {
  readonly port: number
  readonly close: () => Promise<void>
}

export async function startUpstream(listener: RequestListener): Promise<Upstream> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A port that nobody listens on: it was free a moment ago. */
export async function deadPort(): Promise<number> {
  const { port, close } = await startUpstream(() => undefined)
  await close()
  return port
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Platform } from '@sekisho/functions'
import { build } from 'esbuild'
import { ZipFile } from 'yazl'

const RUNTIME = `nodejs${process.versions.node.split('.', 1)[0]}.x`

/** A real function engine with the `process` driver, on a free port of loopback. */
export async function startEngine() {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-gateway-functions-'))
  const complain = (fields: object, message: string): void => console.error(message, fields)
  const platform = await Platform.start({
    listen: { host: '127.0.0.1', port: 0 },
    path,
    driver: 'process',
    region: 'us-east-1',
    accountId: '000000000000',
    keys: undefined,
    allowedOrigins: [],
    concurrency: 100,
    unreservedConcurrency: 10,
    maxEnvironments: 20,
    maxMemoryMb: undefined,
    idleTimeoutMs: 60_000,
    cpu: 'unlimited',
    network: 'host',
    interpreters: {},
    packages: { type: 'directory' },
    objectStore: undefined,
    openState: undefined,
    logs: { maxBytes: 1_000_000, retentionDays: 1 },
    price: { gbSecond: 0, request: 0 },
    logger: { info: () => undefined, warn: complain, error: complain },
  })
  const endpoint = platform.address
  return {
    endpoint,
    /** For `functions.address`. */
    address: endpoint.slice('http://'.length),
    /** @param source a module that exports `handler`; packages are those of this workspace */
    async deploy(name: string, source: string): Promise<void> {
      const response = await fetch(`${endpoint}/2015-03-31/functions`, {
        method: 'POST',
        body: JSON.stringify({
          FunctionName: name,
          Runtime: RUNTIME,
          Role: 'arn:aws:iam::000000000000:role/r',
          Handler: 'index.handler',
          Timeout: 10,
          MemorySize: 512,
          Code: { ZipFile: (await packageOf(source)).toString('base64') },
        }),
      })
      if (response.status !== 201) throw new Error(await response.text())
    },
    async stop(): Promise<void> {
      await platform.stop(1_000)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

export type RunningEngine = Awaited<ReturnType<typeof startEngine>>

async function packageOf(source: string): Promise<Buffer> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    logLevel: 'error',
  })
  const zip = new ZipFile()
  zip.addBuffer(Buffer.from(outputFiles[0].contents), 'index.js')
  zip.end()
  return buffer(zip.outputStream as NodeJS.ReadableStream)
}

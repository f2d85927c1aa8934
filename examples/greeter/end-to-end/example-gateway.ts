import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Sekisho } from '../../../packages/cli/src/testing/sekisho.ts'

/** A gateway that runs the example's `sekisho.yaml`, on a port of its own. */
export interface ExampleGateway {
  /** Its origin. */
  readonly url: string
  stop(): Promise<void>
}

/** Starts one for the Greeter that listens on `greeterPort`. */
export async function startExampleGateway(greeterPort: number): Promise<ExampleGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-greeter-'))
  const file = join(folder, 'sekisho.yaml')
  const example = readFileSync(new URL('../sekisho.yaml', import.meta.url), 'utf8')
  writeFileSync(file, example.replace('listen: [8080]', 'listen: ["127.0.0.1:0"]\nmetrics: false'))
  const sekisho = new Sekisho(['start', '-c', file], { env: { GREETER: `127.0.0.1:${greeterPort}` } })
  const stop = async (): Promise<void> => {
    await sekisho.stop()
    rmSync(folder, { recursive: true })
  }
  try {
    const [, url] = await sekisho.printed(/serving \S+ on (http:\/\/127\.0\.0\.1:\d+)/)
    return { url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Result, Sekisho, type SekishoOptions, sekisho } from './sekisho.ts'

/** A function engine as a user would start it, and a folder to work in. */
export class FunctionEngine {
  /** Of the control API. */
  readonly address: string
  readonly folder: string
  private readonly process: Sekisho

  private constructor(address: string, folder: string, process: Sekisho) {
    this.address = address
    this.folder = folder
    this.process = process
  }

  /** @param settings more of `functions`, as lines of YAML in braces have it: `keys: […]` */
  static async start(settings = ''): Promise<FunctionEngine> {
    const folder = await mkdtemp(join(tmpdir(), 'sekisho-fn-test-'))
    const more = settings === '' ? '' : `, ${settings}`
    await writeFile(
      join(folder, 'sekisho.yaml'),
      `listen: ['127.0.0.1:0']\nfunctions: { address: '127.0.0.1:0', path: ./data, driver: process${more} }\n`,
    )
    const process = new Sekisho(['fn', 'engine', '-c', 'sekisho.yaml'], { cwd: folder })
    const [, address = ''] = await process.printed(/functions on (\S+)/)
    return new FunctionEngine(address, folder, process)
  }

  /** `sekisho fn …` against this engine, in its folder. */
  fn(args: readonly string[], options: SekishoOptions = {}): Promise<Result> {
    return sekisho(['fn', ...args], this.options(options))
  }

  /** The same, while it runs. */
  start(args: readonly string[], options: SekishoOptions = {}): Sekisho {
    return new Sekisho(['fn', ...args], this.options(options))
  }

  async stop(): Promise<void> {
    await this.process.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  private options({ env, ...options }: SekishoOptions): SekishoOptions {
    return { cwd: this.folder, ...options, env: { AWS_ENDPOINT_URL_LAMBDA: this.address, ...env } }
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Headers } from '@sekisho/wire'
import type { ApiAnswer } from '../../control-api/operation.ts'
import { ServiceError } from '../../model/service-error.ts'
import type { ImageLibrary } from '../../packages/image/image-library.ts'
import { PackageLibrary } from '../../packages/package-library.ts'
import { DirectoryPackageStore } from '../../packages/stores/directory-package-store.ts'
import { zipOf } from '../../packages/testing/zip-of.ts'
import { MemoryState } from '../../state/memory-state.ts'
import type { StateStore } from '../../state/state-store.ts'
import { LocalCatalog, type LocalCatalogOptions } from '../local-catalog.ts'

export const ROLE = 'arn:aws:iam::000000000000:role/any'
export const ARN = 'arn:aws:lambda:us-east-1:000000000000:function'

/** JSON that tests look into without declaring what is there. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

export interface Call {
  readonly labels?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>> | string
  readonly body?: Json
}

/** A catalog without sockets: operations by their names. */
export class CatalogHarness {
  readonly directory: string
  readonly state: StateStore
  readonly packages: PackageLibrary
  catalog: LocalCatalog
  now = Date.parse('2026-11-20T15:10:00.000Z')
  dice = 0.5
  readonly #options: Partial<LocalCatalogOptions>

  private constructor(
    directory: string,
    state: StateStore,
    packages: PackageLibrary,
    options: Partial<LocalCatalogOptions>,
  ) {
    this.directory = directory
    this.state = state
    this.packages = packages
    this.#options = options
    this.catalog = undefined as unknown as LocalCatalog
  }

  static async create(options: Partial<LocalCatalogOptions> = {}): Promise<CatalogHarness> {
    const directory = await mkdtemp(join(tmpdir(), 'sekisho-catalog-'))
    const store = new DirectoryPackageStore(join(directory, 'zips'))
    const packages = options.packages ?? new PackageLibrary({ directory, store })
    await packages.open()
    const harness = new CatalogHarness(directory, options.state ?? new MemoryState(), packages, options)
    await harness.reopen()
    return harness
  }

  /** As after a restart, or on another node. */
  async reopen(): Promise<void> {
    await (this.catalog as LocalCatalog | undefined)?.close()
    this.catalog = await LocalCatalog.open({
      images: NO_IMAGES,
      now: () => this.now,
      dice: () => this.dice,
      collectEveryMs: 0,
      ...this.#options,
      settings: { architecture: 'x86_64', ...this.#options.settings },
      state: this.state,
      packages: this.packages,
    })
  }

  async dispose(): Promise<void> {
    await this.catalog.close()
    await this.state.close()
    await rm(this.directory, { recursive: true })
  }

  /** As the control API calls it. */
  async answer(name: string, { labels = {}, query = {}, body }: Call = {}): Promise<ApiAnswer> {
    const operation = this.catalog.operations.find((one) => one.name === name)
    if (operation === undefined) throw new Error(`there is no operation ${name}`)
    return operation.handle({
      labels,
      query: new URLSearchParams(query),
      headers: new Headers(),
      body: body === undefined ? Buffer.alloc(0) : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
      origin: 'http://127.0.0.1:9190',
    })
  }

  /** The body of an answer, as JSON has it. */
  async call(name: string, call: Call = {}): Promise<Json> {
    const { body } = await this.answer(name, call)
    return body === undefined ? undefined : (JSON.parse(JSON.stringify(body)) as Json)
  }

  /** `CODE message` of a refusal. */
  async refusal(name: string, call: Call = {}): Promise<string> {
    try {
      await this.answer(name, call)
    } catch (error) {
      if (error instanceof ServiceError) return `${error.status} ${error.code} ${error.message}`
      throw error
    }
    return 'it was accepted'
  }

  /** CreateFunction with what is mandatory. */
  async create(FunctionName: string, more: Json = {}): Promise<Json> {
    return this.call('CreateFunction', { body: await this.createBody(FunctionName, more) })
  }

  async createBody(FunctionName: string, more: Json = {}): Promise<Json> {
    const ZipFile = await code()
    return { FunctionName, Role: ROLE, Runtime: 'provided.al2023', Handler: 'bootstrap', Code: { ZipFile }, ...more }
  }

  /** An operation on a function. */
  on(
    name: string,
    functionName: string,
    body?: Json,
    query?: Call['query'],
    labels: Call['labels'] = {},
  ): Promise<Json> {
    return this.call(name, onFunction(functionName, body, query, labels))
  }

  refusalOn(
    name: string,
    functionName: string,
    body?: Json,
    query?: Call['query'],
    labels: Call['labels'] = {},
  ): Promise<string> {
    return this.refusal(name, onFunction(functionName, body, query, labels))
  }
}

const onFunction = (FunctionName: string, body: Json, query: Call['query'], labels: Call['labels']): Call => ({
  labels: { FunctionName, ...labels },
  ...(query === undefined ? {} : { query }),
  ...(body === undefined ? {} : { body }),
})

/** Base64 of a zip with a bootstrap. */
export const code = async (content = '#!/bin/sh\n'): Promise<string> =>
  (await zipOf({ bootstrap: { content, mode: 0o755 } })).toString('base64')

const NO_IMAGES: ImageLibrary = {
  take: async () => {
    throw new Error('no images here')
  },
  directory: (digest) => `/images/${digest}`,
  ready: () => false,
  prepare: async () => {},
  collect: async () => 0,
}

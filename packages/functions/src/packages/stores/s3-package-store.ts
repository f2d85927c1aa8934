import { S3Client, S3Error, type S3Settings } from '../s3/s3-client.ts'
import type { ZipSource } from '../zip/zip-bytes.ts'
import type { PackageStore, StoredPackage } from './package-store.ts'

export interface S3PackageStoreSettings extends S3Settings {
  readonly bucket: string
  /** Before all keys: `functions/`; default: nothing. */
  readonly prefix?: string
}

/** Another node may be about to refer to what it has just sent: younger packages are left alone. */
const MIN_AGE_MS = 3_600_000

/** Zips in a bucket that several nodes share: `<prefix><sha256>.zip`. */
export class S3PackageStore implements PackageStore {
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string

  constructor(settings: S3PackageStoreSettings) {
    this.#client = new S3Client(settings)
    this.#bucket = settings.bucket
    this.#prefix = settings.prefix ?? ''
  }

  async check(): Promise<void> {
    try {
      await this.#client.list(this.#bucket, `${this.#prefix}check`).next()
    } catch (error) {
      throw new Error(`the bucket ${this.#bucket} cannot be used: ${(error as Error).message}`, { cause: error })
    }
  }

  async put(sha256: string, source: ZipSource, size: number): Promise<void> {
    if ((await this.#client.head(this.#bucket, this.#key(sha256))) === size) return
    await this.#client.put(this.#bucket, this.#key(sha256), source, size, sha256)
  }

  async open(sha256: string): Promise<StoredPackage | undefined> {
    try {
      return await this.#client.get(this.#bucket, this.#key(sha256))
    } catch (error) {
      if (error instanceof S3Error && error.code === 'NoSuchKey') return undefined
      throw error
    }
  }

  async remove(sha256: string): Promise<void> {
    await this.#client.remove(this.#bucket, this.#key(sha256))
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = []
    for await (const { key, modified } of this.#client.list(this.#bucket, this.#prefix)) {
      const name = /^([0-9a-f]{64})\.zip$/.exec(key.slice(this.#prefix.length))?.[1]
      if (name !== undefined && Date.now() - modified.getTime() > MIN_AGE_MS) names.push(name)
    }
    return names
  }

  #key(sha256: string): string {
    return `${this.#prefix}${sha256}.zip`
  }
}

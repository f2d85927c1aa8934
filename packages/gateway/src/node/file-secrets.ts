import type { Resolved } from '../config/env-references.ts'
import { NOT_READ, type WantedSecret } from '../config/references/secret-reference.ts'
import { SecretCache } from '../secrets/secret-cache.ts'

export interface FileSecretsOptions {
  /** What some of them stand for is not what it was. */
  readonly onChange: () => void
  readonly onProblem: (message: string) => void
}

/** The secrets that a configuration file refers to. Loaded by nodes that have some. */
export class FileSecrets {
  private readonly cache: SecretCache
  private used: readonly WantedSecret[] = []
  /** Of a file that is being loaded. */
  private asked: readonly WantedSecret[] = []

  constructor(options: FileSecretsOptions) {
    this.cache = new SecretCache({ ...options, inUse: () => [...this.used, ...this.asked] })
  }

  /** What they stand for, or why that is not known; by reference. */
  async read(wanted: readonly WantedSecret[]): Promise<ReadonlyMap<string, Resolved>> {
    this.asked = wanted
    await this.cache.read(wanted)
    return new Map(wanted.map((one) => [one.reference, this.cache.get(one) ?? NOT_READ]))
  }

  /** A file is in force that refers to these. */
  use(wanted: readonly WantedSecret[]): void {
    this.used = wanted
    this.asked = []
  }

  readAgain(): Promise<void> {
    return this.cache.readAgain()
  }

  close(): void {
    this.cache.close()
  }
}

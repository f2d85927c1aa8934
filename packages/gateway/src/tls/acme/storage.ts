import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificatePair } from '../ssl-table.ts'

/** Readable by the gateway's user alone. */
const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

/**
 * Accounts and certificates on disk, in a folder for each authority: what was tried with a staging directory is not served afterwards. A
 * certificate and its key are one file, which is put in the place of the old one in one step.
 */
export class AcmeStorage {
  private readonly folder: string

  /** @param folder absolute @param directory URL of the authority's directory */
  constructor(folder: string, directory: string) {
    const hash = createHash('sha256').update(directory).digest('hex').slice(0, 8)
    this.folder = join(folder, `${new URL(directory).hostname}-${hash}`)
  }

  /** The private key that names our account at the authority, PEM. */
  readAccountKey(): Promise<string | undefined> {
    return this.read('account.key')
  }

  writeAccountKey(key: string): Promise<void> {
    return this.write('account.key', key)
  }

  async readCertificate(domain: string): Promise<CertificatePair | undefined> {
    const text = await this.read(`${domain}.pem`)
    if (text === undefined) return undefined
    const at = text.indexOf('-----BEGIN CERTIFICATE-----')
    return at < 0 ? undefined : { key: text.slice(0, at), cert: text.slice(at) }
  }

  writeCertificate(domain: string, { cert, key }: CertificatePair): Promise<void> {
    return this.write(`${domain}.pem`, `${key.trimEnd()}\n${cert.trimEnd()}\n`)
  }

  private async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.folder, name), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  private async write(name: string, text: string): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: PRIVATE_FOLDER })
    const file = join(this.folder, name)
    const fresh = `${file}.${process.pid}.new`
    await writeFile(fresh, text, { mode: PRIVATE_FILE })
    // The mode above is that of a file that was not there before.
    await chmod(fresh, PRIVATE_FILE)
    await rename(fresh, file)
  }
}

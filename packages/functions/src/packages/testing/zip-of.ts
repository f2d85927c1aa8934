import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'

export interface PackedFile {
  readonly content: Buffer | string
  /** Permission bits; default 644. */
  readonly mode?: number
}

/** An honest zip: paths and contents. */
export async function zipOf(files: Readonly<Record<string, string | Buffer | PackedFile>>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [path, file] of Object.entries(files)) {
    const packed = typeof file === 'string' || Buffer.isBuffer(file) ? { content: file } : file
    const options = { mode: 0o100000 | (packed.mode ?? 0o644), mtime: new Date(0) }
    if (path.endsWith('/')) zip.addEmptyDirectory(path)
    else zip.addBuffer(Buffer.from(packed.content as string), path, options)
  }
  zip.end()
  return buffer(zip.outputStream)
}

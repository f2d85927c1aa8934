import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { Failure } from '../../failure.ts'
import { inOrder, type PackageFile } from './package-file.ts'

/** What CreateFunction takes in a request: 50 MB. */
const MAX_ZIP_BYTES = 52_428_800
/** The oldest that zip knows; local time, because that is what zip has. */
const TIME = new Date(1980, 0, 1)

export interface Zip {
  readonly bytes: Buffer
  /** Base64, as the control API has it. */
  readonly sha256: string
  readonly unzippedBytes: number
}

/** Packs files. Nothing but their paths, their contents and whether they can be executed goes into it: the same input gives the same bytes. */
export async function zipFiles(files: readonly PackageFile[]): Promise<Zip> {
  const zip = new ZipFile()
  // An unreadable file is told here and not to the stream.
  const failed = new Promise<never>((_resolve, reject) => zip.once('error', reject))
  for (const { path, source, executable } of inOrder(files)) {
    zip.addFile(source, path, { mtime: TIME, mode: executable ? 0o100755 : 0o100644, forceDosTimestamp: true })
  }
  zip.end()
  const bytes = await Promise.race([buffer(zip.outputStream as NodeJS.ReadableStream), failed])
  if (bytes.length > MAX_ZIP_BYTES)
    throw new Failure(
      `the package has ${(bytes.length / 1e6).toFixed(1)} MB, and 52.4 MB is what a deploy takes; name what is not needed under "exclude" in function.yaml, or put it into a layer`,
    )
  const sha256 = createHash('sha256').update(bytes).digest('base64')
  return { bytes, sha256, unzippedBytes: files.reduce((sum, file) => sum + file.bytes, 0) }
}

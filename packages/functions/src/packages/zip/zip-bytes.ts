import { open } from 'node:fs/promises'
import { fromBufferPromise, fromFdPromise, type ZipFile } from 'yauzl'
import { PackageProblem, unreadable } from '../package-problem.ts'

/** A zip in memory, or a file. */
export type ZipSource = Buffer | { readonly file: string }

/** A zip with random access to its bytes. */
export interface ZipBytes {
  readonly zip: ZipFile
  read(position: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

const OPTIONS = { autoClose: false, decodeStrings: true, validateEntrySizes: true, strictFileNames: false }

/** Finds the end of the central directory. */
export async function openZip(source: ZipSource): Promise<ZipBytes | PackageProblem> {
  if (Buffer.isBuffer(source)) {
    const zip = await fromBufferPromise(source, OPTIONS).catch(problemOf)
    if (zip instanceof PackageProblem) return zip
    return {
      zip,
      read: async (position, length) => source.subarray(position, position + length),
      close: async () => {},
    }
  }
  const handle = await open(source.file)
  const zip = await fromFdPromise(handle.fd, OPTIONS).catch(problemOf)
  if (zip instanceof PackageProblem) {
    await handle.close()
    return zip
  }
  return {
    zip,
    read: async (position, length) => {
      const buffer = Buffer.allocUnsafe(length)
      const { bytesRead } = await handle.read(buffer, 0, length, position)
      return buffer.subarray(0, bytesRead)
    },
    // yauzl closes nothing as long as its own reference is held.
    close: () => handle.close(),
  }
}

export const problemOf = (error: unknown): PackageProblem =>
  unreadable(error instanceof Error ? error.message : String(error))

import type { ImageCode } from '../../catalog/records/function-record.ts'
import type { PackageProblem, Progress } from '../package-problem.ts'

/** Container images, unpacked. */
export interface ImageLibrary {
  /** Unpacks what a URI names now. */
  take(uri: string, onProgress?: Progress): Promise<ImageCode | PackageProblem>
  /** Root file system of an image by its digest. */
  directory(digest: string): string
  ready(digest: string): boolean
  /** Unpacks again what is not there. Rejects when the archive is gone or another one. */
  prepare(image: ImageCode): Promise<void>
  /** Removes all but these. */
  collect(digests: ReadonlySet<string>): Promise<number>
}

import { invalidParameter, ServiceError } from '../model/service-error.ts'
import { MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES } from './limits.ts'

export type PackageProblemKind = 'zip too large' | 'unzipped too large' | 'unreadable' | 'image'

/** Why a package is refused. An expected failure: returned, not thrown. */
export class PackageProblem {
  readonly kind: PackageProblemKind
  /** For people: which entry, what is wrong with it. */
  readonly detail: string

  constructor(kind: PackageProblemKind, detail: string) {
    this.kind = kind
    this.detail = detail
  }

  /** As AWS words it; what AWS keeps to itself is in the member `Detail`. */
  toServiceError(): ServiceError {
    switch (this.kind) {
      case 'zip too large':
        return new ServiceError(
          'RequestEntityTooLargeException',
          413,
          `Zipped size must be smaller than ${MAX_ZIP_BYTES} bytes`,
        )
      case 'unzipped too large':
        return new ServiceError(
          'InvalidParameterValueException',
          400,
          `Unzipped size must be smaller than ${MAX_UNZIPPED_BYTES} bytes`,
          { Detail: this.detail },
        )
      case 'unreadable':
        return new ServiceError(
          'InvalidParameterValueException',
          400,
          'Could not unzip uploaded file. Please check your file, then try to upload again.',
          { Detail: this.detail },
        )
      case 'image':
        return invalidParameter(`The image cannot be used: ${this.detail}`)
    }
  }
}

export const unreadable = (detail: string): PackageProblem => new PackageProblem('unreadable', detail)

/** Bytes done of how many, while something long is going on. */
export type Progress = (doneBytes: number, totalBytes: number) => void

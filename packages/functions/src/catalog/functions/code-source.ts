import { rm } from 'node:fs/promises'
import { invalidParameter } from '../../model/service-error.ts'
import { MAX_UNZIPPED_BYTES } from '../../packages/limits.ts'
import { PackageProblem } from '../../packages/package-problem.ts'
import { S3Error } from '../../packages/s3/s3-client.ts'
import type { CatalogContext } from '../catalog-context.ts'
import type { ZipCode } from '../records/function-record.ts'
import { blob, text } from '../shapes/scalars.ts'
import { structure, type StructureOf } from '../shapes/composites.ts'

/** Where the bytes of a zip are. */
export const ZIP_MEMBERS = {
  ZipFile: blob(),
  S3Bucket: text({ min: 3, max: 63, pattern: '[0-9A-Za-z\\.\\-_]*(?<!\\.)' }),
  S3Key: text({ min: 1, max: 1_024 }),
  S3ObjectVersion: text({ min: 1, max: 1_024 }),
} as const

export const CODE_MEMBERS = { ...ZIP_MEMBERS, ImageUri: text(), SourceKMSKeyArn: text() } as const

export const codeShape = structure(CODE_MEMBERS)

export type ZipInput = StructureOf<typeof ZIP_MEMBERS>

/** Request bodies with a zip in them: 50 MB as base64, and something around it. AWS's number. */
export const MAX_CODE_BODY_BYTES = 70_167_211

/** Exactly one source is named, and no KMS key. */
export function checkCodeSource(input: StructureOf<typeof CODE_MEMBERS>, packageType: 'Zip' | 'Image'): void {
  if ((input.SourceKMSKeyArn ?? '') !== '') throw invalidParameter('SourceKMSKeyArn is not supported by Sekisho.')
  if (packageType === 'Image') {
    if (input.ImageUri === undefined)
      throw invalidParameter('Please provide ImageUri for a function with packageType Image.')
    return
  }
  const fetched = input.S3Bucket !== undefined || input.S3Key !== undefined || input.S3ObjectVersion !== undefined
  if (input.ZipFile !== undefined && fetched)
    throw invalidParameter('Please do not provide other FunctionCode parameters when providing a ZipFile.')
  if (input.ZipFile === undefined && !fetched) throw invalidParameter('Please provide a source for function code.')
  if (fetched && (input.S3Bucket === undefined || input.S3Key === undefined))
    throw invalidParameter('Please provide both S3Bucket and S3Key.')
}

/**
 * Takes a zip in: checked, kept, unpacked, durable. It is held: the caller releases it when a record refers to it, or none will.
 */
export async function takeZip(context: CatalogContext, input: ZipInput): Promise<ZipCode> {
  const { packages } = context
  if (input.ZipFile !== undefined) {
    if (input.ZipFile.length === 0) throw invalidParameter('Uploaded file must be a non-empty zip')
    return zipCode(await packages.add(input.ZipFile, true))
  }
  const file = await fetchZip(context, input)
  try {
    return zipCode(await packages.add({ file }, false))
  } finally {
    await rm(file, { force: true })
  }
}

function zipCode(outcome: Awaited<ReturnType<CatalogContext['packages']['add']>>): ZipCode {
  if (outcome instanceof PackageProblem) throw outcome.toServiceError()
  return { kind: 'zip', ...outcome }
}

async function fetchZip({ s3, packages }: CatalogContext, input: ZipInput): Promise<string> {
  if (s3 === undefined)
    throw invalidParameter(
      'Error occurred while GetObject. No S3 endpoint is configured: set one in the configuration of functions, or send the code as ZipFile.',
    )
  try {
    const { size, stream } = await s3.get(input.S3Bucket!, input.S3Key!, input.S3ObjectVersion)
    if (size > MAX_UNZIPPED_BYTES) {
      stream.destroy()
      throw new PackageProblem('unzipped too large', `the zip has ${size} bytes`).toServiceError()
    }
    const received = await packages.receive(stream)
    if (received instanceof PackageProblem) throw received.toServiceError()
    return received.file
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    throw invalidParameter(
      `Error occurred while GetObject. S3 Error Code: ${error.code}. S3 Error Message: ${error.message}`,
    )
  }
}

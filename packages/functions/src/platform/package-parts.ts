import { join } from 'node:path'
import { PackageLibrary } from '../packages/package-library.ts'
import { S3Client } from '../packages/s3/s3-client.ts'
import { DirectoryPackageStore } from '../packages/stores/directory-package-store.ts'
import type { PackageStore } from '../packages/stores/package-store.ts'
import { S3PackageStore } from '../packages/stores/s3-package-store.ts'
import type { ObjectStore, PlatformOptions } from './options.ts'

/** Where packages are, opened. */
export async function openPackages({ path, packages, objectStore }: PlatformOptions): Promise<PackageLibrary> {
  const library = new PackageLibrary({ directory: path, store: storeOf(path, packages, objectStore) })
  await library.open()
  return library
}

function storeOf(
  path: string,
  packages: PlatformOptions['packages'],
  objectStore: ObjectStore | undefined,
): PackageStore {
  if (packages.type === 'directory') return new DirectoryPackageStore(join(path, 'packages'))
  if (objectStore === undefined) throw new Error('packages in a bucket need an object store: set "functions.s3"')
  const { bucket, prefix } = packages
  return new S3PackageStore({ ...s3Settings(objectStore), bucket, prefix })
}

/** Where S3Bucket and S3Key of a deploy are looked up. */
export const codeSource = (store: ObjectStore | undefined): S3Client | undefined =>
  store && new S3Client(s3Settings(store))

const s3Settings = ({ endpoint, region, accessKeyId, secretAccessKey }: ObjectStore) => ({
  endpoint,
  region,
  credentials: { accessKeyId, secretAccessKey },
})

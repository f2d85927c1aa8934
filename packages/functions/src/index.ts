export { ServiceError } from './model/service-error.ts'
export { createDriver, type DriverOptions } from './drivers/create-driver.ts'
export type { Driver, DriverCheck, DriverName } from './drivers/driver.ts'
export type { DeployedFunction, FunctionNetwork } from './model/deployed-function.ts'
export { Platform } from './platform/platform.ts'
export type { PlatformOptions } from './platform/options.ts'
export {
  bundleFunction,
  createBundler,
  findEntry,
  formatProblem,
  type Bundle,
  type Bundler,
  type BundleOptions,
  type BundleOutcome,
  type BundleProblem,
} from './bundling/bundle-function.ts'
export { RUNTIMES } from './runtimes/runtime-names.ts'
export { LocalCatalog, type LocalCatalogOptions } from './catalog/local-catalog.ts'
export type { CatalogEngine, CatalogSettings } from './catalog/catalog-context.ts'
export type { FunctionCatalog, ResolvedFunction } from './catalog/function-catalog.ts'
export { PackageLibrary, type LibraryOptions } from './packages/package-library.ts'
export type { ImageLibrary } from './packages/image/image-library.ts'
export type { PackageStore } from './packages/stores/package-store.ts'
export { DirectoryPackageStore } from './packages/stores/directory-package-store.ts'
export { S3PackageStore, type S3PackageStoreSettings } from './packages/stores/s3-package-store.ts'
export { S3Client, type S3Settings } from './packages/s3/s3-client.ts'
export { LmdbState } from './state/lmdb-state.ts'
export { MemoryState } from './state/memory-state.ts'
export type { StateCondition, StateRecord, StateStore, StateWrite } from './state/state-store.ts'
export { OciImageLibrary, type ImageLibraryOptions } from './packages/image/oci-image-library.ts'

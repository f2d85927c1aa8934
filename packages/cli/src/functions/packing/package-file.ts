/** One file of a package. */
export interface PackageFile {
  /** In the package: `bootstrap`, `assets/logo.svg`. */
  readonly path: string
  /** On this machine: absolute. */
  readonly source: string
  readonly executable: boolean
  readonly bytes: number
}

/** By path, so that the same files make the same package. */
export const inOrder = (files: readonly PackageFile[]): readonly PackageFile[] =>
  files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))

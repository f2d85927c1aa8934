import type { FunctionFile, Language } from '../deploy/settings-schema.ts'
import type { PackageFile } from '../packing/package-file.ts'

/** What a function is made of. */
export interface Project {
  /** Absolute. */
  readonly folder: string
  readonly settings: FunctionFile
  readonly language: Language
}

/** What is to be deployed. */
export interface Built {
  readonly runtime: string
  readonly handler: string
  readonly files: readonly PackageFile[]
  /** What the person should know all the same. */
  readonly notes: readonly string[]
}

/** Makes a function, again and again under `--watch`. */
export interface Builder {
  /** What it does, for the progress line: `cargo build --release`. */
  readonly what: string
  /** Throws Failure with what is wrong in the code. */
  build(): Promise<Built>
  /** Folders whose changes matter, absolute. */
  readonly watched: readonly string[]
  close(): Promise<void>
}

/** Chosen by `--runtime` or the settings; undefined: by what is there. */
export const languageOfRuntime = (runtime: string): Language | undefined =>
  runtime.startsWith('nodejs') ? 'nodejs' : runtime.startsWith('python') ? 'python' : undefined

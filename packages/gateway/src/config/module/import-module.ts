import { resolve } from 'node:path'
import { bundleModule, type BundleOptions } from './bundle.ts'

let imports = 0

/**
 * Imports a TypeScript or JavaScript file with everything it imports by relative path, anew at each call. Node keeps
 * every module that was ever imported, so each call costs the memory of the bundle: right for files that a person
 * saves, wrong in a loop.
 *
 * A data: URL, not a file beside the original: the folder may be read-only, and nothing is left behind by a crash.
 */
export async function importModule(file: string, options?: BundleOptions): Promise<Record<string, unknown>> {
  const code = await bundleModule(resolve(file), options)
  // The count makes the address new: equal addresses are answered from Node's memory, with the environment of then.
  const address = `data:text/javascript;charset=utf-8,${encodeURIComponent(`${code}\n// import ${++imports}`)}`
  return (await import(/* @vite-ignore */ address)) as Record<string, unknown>
}

import { basename } from 'node:path'
import type { Zip } from '../packing/zip-files.ts'
import type { Deployment } from './deployment.ts'
import type { Deployed } from './upload.ts'

/**
 * What stands on standard output after a deploy: what is there now, and how to call it.
 * @param event as an option: `-d '{}'`
 */
export function report(deployment: Deployment, deployed: Deployed, zip: Zip, event: string, tookMs: number): string {
  const { configuration, what, url, version } = deployed
  const { FunctionArn, Runtime, Handler, MemorySize, Timeout } = configuration
  const { name, alias } = deployment
  const lines = [
    `${name} is ${what} (${(tookMs / 1000).toFixed(2)} s)`,
    `  ${alias === undefined ? FunctionArn : `${FunctionArn}:${alias}, version ${version}`}`,
    `  ${Runtime}, ${Handler}, ${MemorySize} MB of memory, timeout ${Timeout} s`,
    `  package ${size(zip.bytes.length)}, ${size(zip.unzippedBytes)} unpacked`,
    `  try      sekisho fn invoke ${alias === undefined ? name : `${name} --qualifier ${alias}`} ${event}`,
    ...(url === undefined ? [] : [`  or       curl ${url}`]),
  ]
  return `${lines.join('\n')}\n`
}

/** One line for each deploy of `--watch`. */
export function shortReport(name: string, files: readonly string[], tookMs: number, at: Date): string {
  const changed =
    files.length === 0
      ? ''
      : ` (${files
          .slice(0, 3)
          .map((file) => basename(file))
          .join(', ')})`
  return `${at.toTimeString().slice(0, 8)}  ${name} deployed in ${Math.round(tookMs)} ms${changed}\n`
}

/** `1.4 KB` */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

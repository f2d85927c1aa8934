import { readFileSync } from 'node:fs'
import type { LocatedFinding } from '@sekisho/gateway/internal/import/report/report-lines'
import { Failure } from '../failure.ts'
import { withProgress } from '../terminal/progress.ts'
import { writeNew } from './write-new.ts'

export interface ImportOptions {
  readonly output?: string
}

export interface ApisixOptions extends ImportOptions {
  readonly adminKey?: string
}

/** Something of the file is not in the result. Apart from 1, with which a command says that it did nothing. */
const LOSSY = 2

interface Imported {
  readonly yaml: string
  readonly findings: readonly LocatedFinding[]
  readonly isLossy: boolean
}

/** `sekisho import envoy FILE`: writes a configuration, and tells what is not in it. Returns the exit status. */
export async function importFromEnvoy(file: string, { output }: ImportOptions): Promise<number> {
  const { importEnvoy } = await import('@sekisho/gateway/internal/import/envoy/index')
  return deliver(importEnvoy(file, read(file)), output)
}

/** `sekisho import apisix FILE|URL`: the same from APISIX. */
export async function importFromApisix(from: string, { output, adminKey }: ApisixOptions): Promise<number> {
  const { importApisix, importRunningApisix } = await import('@sekisho/gateway/internal/import/apisix/index')
  const key = adminKey ?? process.env['APISIX_ADMIN_KEY']
  const result = /^https?:\/\//.test(from) ? importRunningApisix(from, key) : importApisix(from, read(from))
  return deliver(await withProgress('importing', result), output)
}

async function deliver(result: Imported | { readonly failure: string }, output: string | undefined): Promise<number> {
  if ('failure' in result) throw new Failure(result.failure)
  const { renderReport } = await import('@sekisho/gateway/internal/import/report/report-lines')
  if (output === undefined) process.stdout.write(result.yaml)
  // There may be keys in it.
  else writeNew(output, result.yaml, 0o600)
  process.stderr.write(renderReport(result.findings))
  return result.isLossy ? LOSSY : 0
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`)
  }
}

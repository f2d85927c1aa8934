import { readFileSync } from 'node:fs'
import { importEnvoy, renderReport } from '@sekisho/gateway/internal/import/envoy/index'
import { Failure } from '../failure.ts'
import { writeNew } from './write-new.ts'

export interface ImportOptions {
  readonly output?: string
}

/** Something of the file is not in the result. Apart from 1, with which a command says that it did nothing. */
const LOSSY = 2

/** `sekisho import envoy FILE`: writes a configuration, and tells what is not in it. Returns the exit status. */
export function importFromEnvoy(file: string, { output }: ImportOptions): number {
  const result = importEnvoy(file, read(file))
  if ('failure' in result) throw new Failure(result.failure)
  if (output === undefined) process.stdout.write(result.yaml)
  else writeNew(output, result.yaml)
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

import { randomUUID } from 'node:crypto'
import type { CodeRecord, ConfigurationRecord, VersionRecord } from '../records/function-record.ts'

/** Something about it is other than before, but not what runs: tags, policies. */
export const touched = (version: VersionRecord): VersionRecord => ({ ...version, revisionId: randomUUID() })

/** `$LATEST` with other code or configuration. Environments go on when nothing of it is different. */
export function revised(
  version: VersionRecord,
  change: { readonly code?: CodeRecord; readonly configuration?: ConfigurationRecord },
  now: number,
): VersionRecord {
  const code = change.code ?? version.code
  const configuration = change.configuration ?? version.configuration
  const same = sameJson(code, version.code) && sameJson(configuration, version.configuration)
  return {
    ...touched(version),
    code,
    configuration,
    deployment: same ? version.deployment : randomUUID(),
    modifiedAt: now,
    update: { status: 'Successful' },
  }
}

const sameJson = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b)

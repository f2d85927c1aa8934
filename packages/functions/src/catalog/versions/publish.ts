import { randomUUID } from 'node:crypto'
import { touched } from '../functions/revise.ts'
import type { CatalogRecords } from '../records/catalog-records.ts'
import type { FunctionRecord, VersionRecord } from '../records/function-record.ts'

export interface Publication {
  readonly record: FunctionRecord
  readonly versions: Readonly<Record<string, VersionRecord>>
  readonly version: VersionRecord
}

/** `$LATEST` becomes a version. Without a change since the last one, that one is it. */
export function publish(
  records: CatalogRecords,
  record: FunctionRecord,
  now: number,
  description?: string,
): Publication {
  const last = records.version(record, String(record.nextVersion - 1))
  if (last?.deployment === record.latest.deployment && record.nextVersion > 1)
    return { record, versions: {}, version: last }
  const { update: _, ...latest } = record.latest
  const version: VersionRecord = {
    ...latest,
    version: String(record.nextVersion),
    revisionId: randomUUID(),
    modifiedAt: now,
    configuration: description === undefined ? latest.configuration : { ...latest.configuration, description },
  }
  return {
    record: { ...record, nextVersion: record.nextVersion + 1, latest: touched(record.latest) },
    versions: { [version.version]: version },
    version,
  }
}

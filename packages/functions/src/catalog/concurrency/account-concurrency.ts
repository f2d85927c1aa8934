import type { CatalogContext } from '../catalog-context.ts'
import type { FunctionRecord } from '../records/function-record.ts'

export const provisionedOf = ({ provisioned }: FunctionRecord): number =>
  Object.values(provisioned).reduce((sum, { requested }) => sum + requested, 0)

/**
 * What all functions may use together that is not set aside for some: by reservation, or provisioned where nothing is reserved.
 * @param without a function that is about to have other figures
 */
export function unreservedConcurrency({ records, settings }: CatalogContext, without?: string): number {
  let free = settings.accountConcurrency
  for (const record of records.functions.values())
    if (record.name !== without) free -= record.reservedConcurrency ?? provisionedOf(record)
  return free
}

import type { Operation } from '../../control-api/operation.ts'
import { MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES } from '../../packages/limits.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { unreservedConcurrency } from '../concurrency/account-concurrency.ts'
import type { CodeRecord } from '../records/function-record.ts'

/** What AWS gives an account: 75 GB. Here the disk is the limit. */
const TOTAL_CODE_BYTES = 80_530_636_800

export const getAccountSettings = (context: CatalogContext): Operation => ({
  name: 'GetAccountSettings',
  method: 'GET',
  path: '/2016-08-19/account-settings',
  handle() {
    const { records, settings } = context
    const sizes: number[] = []
    for (const record of records.functions.values()) sizes.push(sizeOf(record.latest.code))
    for (const { code } of records.versions.values()) sizes.push(sizeOf(code))
    for (const { code } of records.layers.values()) sizes.push(sizeOf(code))
    return {
      status: 200,
      body: {
        AccountLimit: {
          TotalCodeSize: TOTAL_CODE_BYTES,
          CodeSizeUnzipped: MAX_UNZIPPED_BYTES,
          CodeSizeZipped: MAX_ZIP_BYTES,
          ConcurrentExecutions: settings.accountConcurrency,
          UnreservedConcurrentExecutions: unreservedConcurrency(context),
        },
        AccountUsage: {
          TotalCodeSize: sizes.reduce((sum, size) => sum + size, 0),
          FunctionCount: records.functions.size,
        },
      },
    }
  },
})

const sizeOf = (code: CodeRecord): number => (code.kind === 'zip' ? code.size : 0)

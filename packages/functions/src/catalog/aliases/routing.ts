import { invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { LATEST } from '../names/arns.ts'
import type { FunctionRecord } from '../records/function-record.ts'
import { functionNotFound } from '../refusals.ts'
import { decimal, text } from '../shapes/scalars.ts'
import { map, structure } from '../shapes/composites.ts'

export const routingShape = structure({
  AdditionalVersionWeights: map(decimal({ min: 0, max: 1 }), {
    key: text({ min: 1, max: 1_024, pattern: '[0-9]+' }),
  }),
})

/** One other version at most, which is there, is not the main one, and may stand beside it. */
export function checkRouting(
  context: CatalogContext,
  record: FunctionRecord,
  version: string,
  weights: Readonly<Record<string, number>>,
): void {
  const others = Object.keys(weights)
  if (others.length > 1) throw invalidParameter('Number of items in AdditionalVersionWeights cannot be greater than 1')
  for (const other of others) {
    if (other === version)
      throw invalidParameter(
        `Invalid function version ${other}. Function version ${other} is already included in routing configuration.`,
      )
    if (version === LATEST)
      throw invalidParameter('$LATEST is not supported for an alias pointing to more than 1 version')
    if (context.records.version(record, other) === undefined)
      throw functionNotFound(context.settings, record.name, other)
  }
}

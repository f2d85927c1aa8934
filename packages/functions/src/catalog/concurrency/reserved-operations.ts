import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionOf, referenceOf } from '../functions/function-input.ts'
import { LATEST } from '../names/arns.ts'
import { functionNotFound } from '../refusals.ts'
import { integer } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { required } from '../shapes/shape.ts'
import { provisionedOf, unreservedConcurrency } from './account-concurrency.ts'

const PATH = '/2017-10-31/functions/{FunctionName}/concurrency'
const putShape = structure({ ReservedConcurrentExecutions: required(integer({ min: 0 })) })

export const putFunctionConcurrency = (context: CatalogContext): Operation => ({
  name: 'PutFunctionConcurrency',
  method: 'PUT',
  path: PATH,
  async handle(request) {
    const name = unqualified(context, request)
    const { ReservedConcurrentExecutions: reserved } = readInput(putShape, request)
    await context.records.changeFunction(name, (current) => {
      if (current === undefined) throw functionNotFound(context.settings, name, LATEST)
      const { minimumUnreserved } = context.settings
      if (unreservedConcurrency(context, name) - reserved < minimumUnreserved)
        throw invalidParameter(
          `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${minimumUnreserved}].`,
        )
      const provisioned = provisionedOf(current)
      if (provisioned > reserved)
        throw invalidParameter(
          ` ReservedConcurrentExecutions  ${reserved} should not be lower than function's total provisioned concurrency [${provisioned}].`,
        )
      return { record: { ...current, reservedConcurrency: reserved }, result: undefined }
    })
    return { status: 200, body: { ReservedConcurrentExecutions: reserved } }
  },
})

export const getFunctionConcurrency = (context: CatalogContext): Operation => ({
  name: 'GetFunctionConcurrency',
  method: 'GET',
  path: '/2019-09-30/functions/{FunctionName}/concurrency',
  handle(request) {
    const { reservedConcurrency } = functionOf(context, { ...referenceOf(context, request), qualifier: undefined })
    return {
      status: 200,
      body: reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency },
    }
  },
})

export const deleteFunctionConcurrency = (context: CatalogContext): Operation => ({
  name: 'DeleteFunctionConcurrency',
  method: 'DELETE',
  path: PATH,
  async handle(request) {
    const name = unqualified(context, request)
    await context.records.changeFunction(name, (current) => {
      if (current === undefined) throw functionNotFound(context.settings, name)
      return { record: { ...current, reservedConcurrency: undefined }, result: undefined }
    })
    return { status: 204 }
  },
})

function unqualified(context: CatalogContext, request: ApiRequest): string {
  const { name, qualifier } = referenceOf(context, request)
  if (qualifier !== undefined)
    throw invalidParameter(
      'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.',
    )
  return name
}

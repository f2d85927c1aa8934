import { invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionReference } from '../names/function-reference.ts'
import { text } from '../shapes/scalars.ts'
import { structure, type StructureOf } from '../shapes/composites.ts'

const PATTERN =
  '$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)'
const destination = structure({ Destination: text({ max: 350, pattern: PATTERN }) })
const members = { OnSuccess: destination, OnFailure: destination } as const

export const destinationShape = structure(members)
export type DestinationInput = StructureOf<typeof members>

const SERVICES = ['lambda', 'sqs', 'sns', 'events', 's3']

/** Where records of results may go: another function that is there, a queue, a topic, a bus, a bucket. */
export function checkDestinations(context: CatalogContext, functionName: string, input: DestinationInput): void {
  const success = input.OnSuccess?.Destination || undefined
  const failure = input.OnFailure?.Destination || undefined
  for (const arn of [success, failure]) {
    if (arn === undefined) continue
    const service = arn.split(':')[2]!
    if (!arn.startsWith('kafka://') && !SERVICES.includes(service))
      throw invalidParameter(
        `The provided destination config DestinationConfig(onSuccess=${shown('OnSuccess', success)}, onFailure=${shown('OnFailure', failure)}) is invalid.`,
      )
    if (service === 'lambda') checkFunction(context, functionName, arn)
    else checkReachable(context, arn)
  }
}

/** What would be lost when it is needed is refused before. */
export function checkReachable({ settings }: CatalogContext, arn: string | undefined): void {
  const problem = arn === undefined || arn === '' ? undefined : settings.destinationProblem(arn)
  if (problem !== undefined) throw invalidParameter(`${problem}.`)
}

function checkFunction(context: CatalogContext, functionName: string, arn: string): void {
  let target: string
  try {
    target = functionReference(arn, undefined, context.settings).name
  } catch {
    throw invalidParameter(`The destination ARN ${arn} is invalid.`)
  }
  if (context.records.functions.get(target) === undefined)
    throw invalidParameter(`The destination ARN ${arn} is invalid.`)
  if (target === functionName) throw invalidParameter("You can't specify the function as a destination for itself.")
}

const shown = (kind: string, arn: string | undefined): string =>
  arn === undefined ? 'null' : `${kind}(destination=${arn})`

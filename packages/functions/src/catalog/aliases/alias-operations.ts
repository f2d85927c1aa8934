import { randomUUID } from 'node:crypto'
import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, notFound } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { withoutQualifier } from '../functions/delete-function.ts'
import { functionOf, referenceOf } from '../functions/function-input.ts'
import { functionArn } from '../names/arns.ts'
import { pageOf } from '../paging.ts'
import type { AliasRecord, FunctionRecord } from '../records/function-record.ts'
import { functionNotFound, revisionMismatch } from '../refusals.ts'
import { text } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { queryText, readInput } from '../shapes/read-input.ts'
import { required } from '../shapes/shape.ts'
import { checkRouting, routingShape } from './routing.ts'
import { own } from '../records/own.ts'

const PATH = '/2015-03-31/functions/{FunctionName}/aliases'
const nameShape = text({ min: 1, max: 128, pattern: '(?!^[0-9]+$)([a-zA-Z0-9-_]+)' })
const versionShape = text({ min: 1, max: 1_024, pattern: '(\\$LATEST|[0-9]+)' })
const descriptionShape = text({ max: 256 })

const createShape = structure({
  Name: required(nameShape),
  FunctionVersion: required(versionShape),
  Description: descriptionShape,
  RoutingConfig: routingShape,
})

const updateShape = structure({
  Name: required(nameShape),
  FunctionVersion: versionShape,
  Description: descriptionShape,
  RoutingConfig: routingShape,
  RevisionId: text(),
})

const nameOnlyShape = structure({ Name: required(nameShape) })

export const createAlias = (context: CatalogContext): Operation => ({
  name: 'CreateAlias',
  method: 'POST',
  path: PATH,
  async handle(request) {
    const { name } = referenceOf(context, request)
    const input = readInput(createShape, request)
    const alias: AliasRecord = {
      name: input.Name,
      version: input.FunctionVersion,
      description: input.Description ?? '',
      weights: input.RoutingConfig?.AdditionalVersionWeights ?? {},
      revisionId: randomUUID(),
    }
    await context.records.changeFunction(name, (current) => {
      const record = existing(context, current, name)
      checkTarget(context, record, alias)
      if (own(record.aliases, alias.name) !== undefined)
        throw conflict(`Alias already exists: ${functionArn(context.settings, name, alias.name)}`)
      return { record: withAlias(record, alias), result: undefined }
    })
    return { status: 201, body: aliasAnswer(context, name, alias) }
  },
})

export const getAlias = (context: CatalogContext): Operation => ({
  name: 'GetAlias',
  method: 'GET',
  path: `${PATH}/{Name}`,
  handle(request) {
    const record = functionOf(context, { ...referenceOf(context, request), qualifier: undefined })
    const alias = aliasOf(context, record, nameOf(request))
    return { status: 200, body: aliasAnswer(context, record.name, alias) }
  },
})

export const updateAlias = (context: CatalogContext): Operation => ({
  name: 'UpdateAlias',
  method: 'PUT',
  path: `${PATH}/{Name}`,
  async handle(request) {
    const { name } = referenceOf(context, request)
    const input = readInput(updateShape, request, { Name: request.labels['Name'] })
    const alias = await context.records.changeFunction(name, (current) => {
      const record = existing(context, current, name)
      const before = aliasOf(context, record, input.Name)
      if (input.RevisionId !== undefined && input.RevisionId !== before.revisionId) throw revisionMismatch()
      const after: AliasRecord = {
        name: before.name,
        version: input.FunctionVersion ?? before.version,
        description: input.Description ?? before.description,
        weights:
          input.RoutingConfig === undefined ? before.weights : (input.RoutingConfig.AdditionalVersionWeights ?? {}),
        revisionId: randomUUID(),
      }
      checkTarget(context, record, after)
      return { record: withAlias(record, after), result: after }
    })
    return { status: 200, body: aliasAnswer(context, name, alias) }
  },
})

export const deleteAlias = (context: CatalogContext): Operation => ({
  name: 'DeleteAlias',
  method: 'DELETE',
  path: `${PATH}/{Name}`,
  async handle(request) {
    const { name } = referenceOf(context, request)
    const alias = nameOf(request)
    await context.records.changeFunction(name, (current) => {
      const record = existing(context, current, name)
      const { [alias]: _, ...aliases } = record.aliases
      // Deleting what is not there is no error, as on AWS.
      return { record: { ...withoutQualifier(record, alias), aliases }, result: undefined }
    })
    return { status: 204 }
  },
})

export const listAliases = (context: CatalogContext): Operation => ({
  name: 'ListAliases',
  method: 'GET',
  path: PATH,
  handle(request) {
    const record = functionOf(context, { ...referenceOf(context, request), qualifier: undefined })
    const version = queryText(request, 'FunctionVersion')
    const aliases = Object.values(record.aliases)
      .filter(
        (alias) => version === undefined || alias.version === version || own(alias.weights, version) !== undefined,
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    const page = pageOf(request, aliases, (alias) => alias.name, 10_000)
    const Aliases = page.items.map((alias) => aliasAnswer(context, record.name, alias))
    return {
      status: 200,
      body: { Aliases, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
    }
  },
})

const nameOf = (request: ApiRequest): string =>
  readInput(nameOnlyShape, { ...request, body: NOTHING }, { Name: request.labels['Name'] }).Name

const NOTHING = Buffer.alloc(0)

function existing(context: CatalogContext, record: FunctionRecord | undefined, name: string): FunctionRecord {
  if (record === undefined) throw functionNotFound(context.settings, name)
  return record
}

function aliasOf(context: CatalogContext, record: FunctionRecord, alias: string): AliasRecord {
  const found = Object.hasOwn(record.aliases, alias) ? record.aliases[alias] : undefined
  if (found === undefined) throw notFound(`Cannot find alias arn: ${functionArn(context.settings, record.name, alias)}`)
  return found
}

function checkTarget(context: CatalogContext, record: FunctionRecord, { version, weights }: AliasRecord): void {
  if (context.records.version(record, version) === undefined)
    throw functionNotFound(context.settings, record.name, version)
  checkRouting(context, record, version, weights)
}

const withAlias = (record: FunctionRecord, alias: AliasRecord): FunctionRecord => ({
  ...record,
  aliases: { ...record.aliases, [alias.name]: alias },
})

function aliasAnswer({ settings }: CatalogContext, name: string, alias: AliasRecord): object {
  return {
    AliasArn: functionArn(settings, name, alias.name),
    Name: alias.name,
    FunctionVersion: alias.version,
    Description: alias.description,
    ...(Object.keys(alias.weights).length === 0 ? {} : { RoutingConfig: { AdditionalVersionWeights: alias.weights } }),
    RevisionId: alias.revisionId,
  }
}

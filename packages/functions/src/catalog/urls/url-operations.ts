import { randomInt } from 'node:crypto'
import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, invalidParameter, notFound } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { referenceOf } from '../functions/function-input.ts'
import { functionArn, isVersion, LATEST } from '../names/arns.ts'
import type { FunctionReference } from '../names/function-reference.ts'
import { pageOf } from '../paging.ts'
import type { CorsRecord, FunctionRecord, UrlRecord } from '../records/function-record.ts'
import { own } from '../records/own.ts'
import { resourceNotFound } from '../refusals.ts'
import { flag, integer, oneOf, text } from '../shapes/scalars.ts'
import { list, structure, type StructureOf } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { failed, required, throwProblems } from '../shapes/shape.ts'
import { urlTime } from '../times.ts'

const PATH = '/2021-10-31/functions/{FunctionName}/url'

const corsMembers = {
  AllowCredentials: flag(),
  AllowHeaders: list(text({ max: 1_024 }), { max: 100 }),
  AllowMethods: list(text({ max: 6 }), { max: 6 }),
  AllowOrigins: list(text({ min: 1, max: 253 }), { max: 100 }),
  ExposeHeaders: list(text({ max: 1_024 }), { max: 100 }),
  MaxAge: integer({ min: 0, max: 86_400 }),
} as const

const authShape = oneOf('NONE', 'AWS_IAM')
const rest = { Cors: structure(corsMembers), InvokeMode: oneOf('BUFFERED', 'RESPONSE_STREAM') } as const
const createShape = structure({ AuthType: required(authShape), ...rest })
const updateShape = structure({ AuthType: authShape, ...rest })

export const createFunctionUrlConfig = (context: CatalogContext): Operation => ({
  name: 'CreateFunctionUrlConfig',
  method: 'POST',
  path: PATH,
  async handle(request) {
    const reference = urlReference(context, request)
    const input = readInput(createShape, request)
    const now = context.now()
    const url: UrlRecord = {
      id: randomUrlId(),
      authType: input.AuthType,
      invokeMode: input.InvokeMode ?? 'BUFFERED',
      cors: corsOf(input.Cors),
      createdAt: now,
      modifiedAt: now,
    }
    await context.records.changeFunction(reference.name, (current) => {
      const record = existing(current, reference)
      if (own(record.urls, keyOf(reference)) !== undefined)
        throw conflict(
          `Failed to create function url config for [functionArn = ${arnOf(context, reference)}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
        )
      return { record: withUrl(record, reference, url), result: undefined }
    })
    const { LastModifiedTime: _, ...answer } = urlAnswer(context, request, reference, url)
    return { status: 201, body: answer }
  },
})

export const getFunctionUrlConfig = (context: CatalogContext): Operation => ({
  name: 'GetFunctionUrlConfig',
  method: 'GET',
  path: PATH,
  handle(request) {
    const reference = urlReference(context, request)
    const url = urlOf(context.records.functions.get(reference.name), reference)
    return { status: 200, body: urlAnswer(context, request, reference, url) }
  },
})

export const updateFunctionUrlConfig = (context: CatalogContext): Operation => ({
  name: 'UpdateFunctionUrlConfig',
  method: 'PUT',
  path: PATH,
  async handle(request) {
    const reference = urlReference(context, request)
    const input = readInput(updateShape, request)
    const url = await context.records.changeFunction(reference.name, (current) => {
      const record = existing(current, reference)
      const before = urlOf(record, reference)
      const after: UrlRecord = {
        ...before,
        authType: input.AuthType ?? before.authType,
        invokeMode: input.InvokeMode ?? before.invokeMode,
        cors: input.Cors === undefined ? before.cors : corsOf(input.Cors),
        modifiedAt: context.now(),
      }
      return { record: withUrl(record, reference, after), result: after }
    })
    return { status: 200, body: urlAnswer(context, request, reference, url) }
  },
})

export const deleteFunctionUrlConfig = (context: CatalogContext): Operation => ({
  name: 'DeleteFunctionUrlConfig',
  method: 'DELETE',
  path: PATH,
  async handle(request) {
    const reference = urlReference(context, request)
    await context.records.changeFunction(reference.name, (current) => {
      urlOf(current, reference)
      const { [keyOf(reference)]: _, ...urls } = current!.urls
      return { record: { ...current!, urls }, result: undefined }
    })
    return { status: 204 }
  },
})

export const listFunctionUrlConfigs = (context: CatalogContext): Operation => ({
  name: 'ListFunctionUrlConfigs',
  method: 'GET',
  path: `${PATH}s`,
  handle(request) {
    const { name } = referenceOf(context, request)
    const record = context.records.functions.get(name)
    if (record === undefined) throw notFound('Function does not exist')
    const rows = Object.entries(record.urls).sort(([a], [b]) => (a < b ? -1 : 1))
    const page = pageOf(request, rows, ([key]) => key, 50)
    const FunctionUrlConfigs = page.items.map(([key, url]) =>
      urlAnswer(context, request, { name, qualifier: key === LATEST ? undefined : key }, url),
    )
    return {
      status: 200,
      body: { FunctionUrlConfigs, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
    }
  },
})

/** Of a function or an alias; versions have none. */
function urlReference(context: CatalogContext, request: ApiRequest): FunctionReference {
  const reference = referenceOf(context, request)
  const { qualifier } = reference
  if (qualifier !== undefined && (qualifier === LATEST || isVersion(qualifier)))
    throwProblems([
      failed(
        `'${qualifier}'`,
        'qualifier',
        `Member must satisfy regular expression pattern: ${qualifier === LATEST ? '((?!^\\d+$)^[0-9a-zA-Z-_]+$)' : '(^\\$LATEST$)|((?!^[0-9]+$)([a-zA-Z0-9-_]+))'}`,
      ),
    ])
  return reference
}

const keyOf = ({ qualifier }: FunctionReference): string => qualifier ?? LATEST

const arnOf = ({ settings }: CatalogContext, { name, qualifier }: FunctionReference): string =>
  functionArn(settings, name, qualifier)

function existing(record: FunctionRecord | undefined, { qualifier }: FunctionReference): FunctionRecord {
  if (record === undefined || (qualifier !== undefined && own(record.aliases, qualifier) === undefined))
    throw notFound('Function does not exist')
  return record
}

function urlOf(record: FunctionRecord | undefined, reference: FunctionReference): UrlRecord {
  const url = record === undefined ? undefined : own(record.urls, keyOf(reference))
  if (url === undefined) throw resourceNotFound()
  return url
}

const withUrl = (record: FunctionRecord, reference: FunctionReference, url: UrlRecord): FunctionRecord => ({
  ...record,
  urls: { ...record.urls, [keyOf(reference)]: url },
})

const METHODS = ['GET', 'PUT', 'HEAD', 'POST', 'PATCH', 'DELETE', '*']

function corsOf(input: StructureOf<typeof corsMembers> | undefined): CorsRecord | undefined {
  if (input === undefined) return undefined
  for (const method of input.AllowMethods ?? [])
    if (!METHODS.includes(method))
      throw invalidParameter(`AllowMethods of Cors are ${METHODS.join(', ')}: not ${method}`)
  for (const origin of input.AllowOrigins ?? [])
    if (origin !== '*' && !/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/i.test(origin))
      throw invalidParameter(`AllowOrigins of Cors are origins like https://example.com, or *: not ${origin}`)
  const members = Object.entries(input).filter(([, value]) => value !== undefined)
  return members.length === 0 ? undefined : (Object.fromEntries(members) as CorsRecord)
}

const URL_ID_LENGTH = 32
const URL_ID_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz234567'

/** 160 random bits as a label of a host name. */
const randomUrlId = (): string =>
  Array.from({ length: URL_ID_LENGTH }, () => URL_ID_CHARACTERS[randomInt(URL_ID_CHARACTERS.length)]).join('')

function urlAnswer(
  context: CatalogContext,
  request: ApiRequest,
  reference: FunctionReference,
  url: UrlRecord,
): Record<string, unknown> {
  return {
    FunctionUrl: context.settings.functionUrl(request.origin, url.id, reference.name),
    FunctionArn: arnOf(context, reference),
    AuthType: url.authType,
    ...(url.cors === undefined ? {} : { Cors: url.cors }),
    CreationTime: urlTime(url.createdAt),
    LastModifiedTime: urlTime(url.modifiedAt),
    InvokeMode: url.invokeMode,
  }
}

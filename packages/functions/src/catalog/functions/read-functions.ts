import type { ApiAnswer, ApiRequest, Operation } from '../../control-api/operation.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { LATEST } from '../names/arns.ts'
import { numberKey, pageOf } from '../paging.ts'
import type { CodeRecord, FunctionRecord, VersionRecord } from '../records/function-record.ts'
import { functionNotFound } from '../refusals.ts'
import { queryText } from '../shapes/read-input.ts'
import { failed, throwProblems } from '../shapes/shape.ts'
import { configurationAnswer } from './configuration-answer.ts'
import { functionOf, referenceOf, versionOf } from './function-input.ts'

export const getFunction = (context: CatalogContext): Operation => ({
  name: 'GetFunction',
  method: 'GET',
  path: '/2015-03-31/functions/{FunctionName}',
  handle(request) {
    const reference = referenceOf(context, request)
    const record = functionOf(context, reference)
    const version = versionOf(context, record, reference.qualifier)
    const { tags, reservedConcurrency } = record
    return {
      status: 200,
      body: {
        Configuration: configurationAnswer(context.settings, record.name, version, reference.qualifier),
        Code: codeAnswer(context, version.code, request),
        ...(Object.keys(tags).length === 0 ? {} : { Tags: tags }),
        ...(reservedConcurrency === undefined
          ? {}
          : { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } }),
      },
    }
  },
})

function codeAnswer({ settings }: CatalogContext, code: CodeRecord, request: ApiRequest): object {
  if (code.kind === 'zip') return { RepositoryType: 'S3', Location: settings.codeLocation(request.origin, code.sha256) }
  const resolved = code.digest === undefined ? {} : { ResolvedImageUri: `${code.uri}@sha256:${code.digest}` }
  return { RepositoryType: 'ECR', ImageUri: code.uri, ...resolved }
}

export const getFunctionConfiguration = (context: CatalogContext): Operation => ({
  name: 'GetFunctionConfiguration',
  method: 'GET',
  path: '/2015-03-31/functions/{FunctionName}/configuration',
  handle(request) {
    const reference = referenceOf(context, request)
    const record = functionOf(context, reference)
    const version = versionOf(context, record, reference.qualifier)
    return { status: 200, body: configurationAnswer(context.settings, record.name, version, reference.qualifier) }
  },
})

export const listFunctions = (context: CatalogContext): Operation => ({
  name: 'ListFunctions',
  method: 'GET',
  path: '/2015-03-31/functions',
  handle: (request) => list(context, request),
})

function list(context: CatalogContext, request: ApiRequest): ApiAnswer {
  const { records, settings } = context
  const wanted = queryText(request, 'FunctionVersion')
  if (wanted !== undefined && wanted !== 'ALL')
    throwProblems([failed(`'${wanted}'`, 'functionVersion', 'Member must satisfy enum value set: [ALL]')])
  const functions = [...records.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const rows = functions.flatMap((record) => {
    const versions = wanted === undefined ? [record.latest] : [record.latest, ...records.publishedVersions(record)]
    return versions.map((version) => ({ record, version }))
  })
  const keyOf = ({ record, version }: { record: FunctionRecord; version: VersionRecord }) =>
    `${record.name}/${version.version === LATEST ? '' : numberKey(version.version)}`
  const page = pageOf(
    request,
    rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
    keyOf,
    10_000,
  )
  const Functions = page.items.map(({ record, version }) =>
    configurationAnswer(settings, record.name, version, wanted === undefined ? undefined : version.version),
  )
  return { status: 200, body: { Functions, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) } }
}

/** There is no code signing: AWS answers the same for a function without. Terraform asks with every read. */
export const getFunctionCodeSigningConfig = (context: CatalogContext): Operation => ({
  name: 'GetFunctionCodeSigningConfig',
  method: 'GET',
  path: '/2020-06-30/functions/{FunctionName}/code-signing-config',
  handle(request) {
    const { name } = referenceOf(context, request)
    if (context.records.functions.get(name) === undefined) throw functionNotFound(context.settings, name)
    return { status: 200, body: { FunctionName: name } }
  },
})

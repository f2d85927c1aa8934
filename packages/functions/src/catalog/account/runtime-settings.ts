import type { Operation } from '../../control-api/operation.ts'
import { invalidParameter, notFound } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionOf, referenceOf, versionOf } from '../functions/function-input.ts'
import { functionArn, LATEST } from '../names/arns.ts'
import { own } from '../records/own.ts'
import { functionNotFound } from '../refusals.ts'
import { oneOf, text } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { required } from '../shapes/shape.ts'

const RUNTIME_PATH = '/2021-07-20/functions/{FunctionName}/runtime-management-config'
const RECURSION_PATH = '/2024-08-31/functions/{FunctionName}/recursion-config'

const runtimeShape = structure({
  UpdateRuntimeOn: required(oneOf('Auto', 'Manual', 'FunctionUpdate')),
  RuntimeVersionArn: text(),
})

/** Kept for tools that set it: runtimes here are those of the host, whichever is chosen. */
export const putRuntimeManagementConfig = (context: CatalogContext): Operation => ({
  name: 'PutRuntimeManagementConfig',
  method: 'PUT',
  path: RUNTIME_PATH,
  async handle(request) {
    const { name, qualifier } = referenceOf(context, request)
    const { UpdateRuntimeOn, RuntimeVersionArn } = readInput(runtimeShape, request)
    if (UpdateRuntimeOn === 'Manual' || RuntimeVersionArn !== undefined)
      throw invalidParameter('Manual is not supported by Sekisho: a runtime is the one that this host has.')
    await context.records.changeFunction(name, (current) => {
      if (current === undefined) throw functionNotFound(context.settings, name, qualifier)
      versionOf(context, current, qualifier)
      const runtimeManagement = { ...current.runtimeManagement, [qualifier ?? LATEST]: UpdateRuntimeOn }
      return { record: { ...current, runtimeManagement }, result: undefined }
    })
    return {
      status: 200,
      body: { UpdateRuntimeOn, FunctionArn: functionArn(context.settings, name, qualifier ?? LATEST) },
    }
  },
})

export const getRuntimeManagementConfig = (context: CatalogContext): Operation => ({
  name: 'GetRuntimeManagementConfig',
  method: 'GET',
  path: RUNTIME_PATH,
  handle(request) {
    const reference = referenceOf(context, request)
    const record = functionOf(context, reference)
    versionOf(context, record, reference.qualifier)
    const key = reference.qualifier ?? LATEST
    return {
      status: 200,
      body: {
        UpdateRuntimeOn: own(record.runtimeManagement, key) ?? 'Auto',
        FunctionArn: functionArn(context.settings, record.name, key),
      },
    }
  },
})

const recursionShape = structure({ RecursiveLoop: required(oneOf('Allow', 'Terminate')) })

export const putFunctionRecursionConfig = (context: CatalogContext): Operation => ({
  name: 'PutFunctionRecursionConfig',
  method: 'PUT',
  path: RECURSION_PATH,
  async handle(request) {
    const { name } = referenceOf(context, request)
    const { RecursiveLoop } = readInput(recursionShape, request)
    await context.records.changeFunction(name, (current) => {
      if (current === undefined) throw functionNotFound(context.settings, name)
      return { record: { ...current, recursion: RecursiveLoop }, result: undefined }
    })
    return { status: 200, body: { RecursiveLoop } }
  },
})

export const getFunctionRecursionConfig = (context: CatalogContext): Operation => ({
  name: 'GetFunctionRecursionConfig',
  method: 'GET',
  path: RECURSION_PATH,
  handle(request) {
    const { recursion } = functionOf(context, referenceOf(context, request))
    return { status: 200, body: { RecursiveLoop: recursion } }
  },
})

/** Nothing can be signed here, so that nothing can be found. */
export const getCodeSigningConfig = (): Operation => ({
  name: 'GetCodeSigningConfig',
  method: 'GET',
  path: '/2020-04-22/code-signing-configs/{CodeSigningConfigArn}',
  handle(request) {
    throw notFound(`The Lambda code signing configuration ${request.labels['CodeSigningConfigArn']} can not be found.`)
  },
})

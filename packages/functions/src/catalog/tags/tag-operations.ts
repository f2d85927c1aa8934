import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { touched } from '../functions/revise.ts'
import { functionReference } from '../names/function-reference.ts'
import { functionNotFound, resourceNotFound } from '../refusals.ts'
import { structure } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { failed, required, throwProblems } from '../shapes/shape.ts'
import { checkTags, tagsShape } from './tag-rules.ts'

const PATH = '/2017-03-31/tags/{Resource}'
const PATTERN =
  'arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)'
const EXPRESSION = new RegExp(`^${PATTERN}$`)

type Tags = Readonly<Record<string, string>>

const tagShape = structure({ Tags: required(tagsShape) })

export const listTags = (context: CatalogContext): Operation => ({
  name: 'ListTags',
  method: 'GET',
  path: PATH,
  handle(request) {
    const resource = resourceOf(context, request)
    const tags =
      'mapping' in resource
        ? context.records.mappings.get(resource.mapping)?.tags
        : context.records.functions.get(resource.functionName)?.tags
    if (tags === undefined) throw notThere(context, resource)
    return { status: 200, body: { Tags: tags } }
  },
})

export const tagResource = (context: CatalogContext): Operation => ({
  name: 'TagResource',
  method: 'POST',
  path: PATH,
  async handle(request) {
    const { Tags: added } = readInput(tagShape, request)
    if (Object.keys(added).length === 0)
      throw invalidParameter('An error occurred and the request cannot be processed.')
    await changeTags(context, resourceOf(context, request), (tags) => ({ ...tags, ...added }))
    return { status: 204 }
  },
})

export const untagResource = (context: CatalogContext): Operation => ({
  name: 'UntagResource',
  method: 'DELETE',
  path: PATH,
  async handle(request) {
    const keys = request.query.getAll('tagKeys')
    if (keys.length === 0) throwProblems([failed('null', 'tagKeys', 'Member must not be null')])
    await changeTags(context, resourceOf(context, request), (tags) =>
      Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key))),
    )
    return { status: 204 }
  },
})

type Resource = { readonly functionName: string } | { readonly mapping: string }

function resourceOf(context: CatalogContext, request: ApiRequest): Resource {
  const arn = request.labels['Resource'] ?? ''
  if (arn.length > 256 || !EXPRESSION.test(arn))
    throwProblems([
      failed(`'${arn.slice(0, 512)}'`, 'resource', `Member must satisfy regular expression pattern: ${PATTERN}`),
    ])
  const [, mapping] = /:event-source-mapping:(.*)$/.exec(arn) ?? []
  if (mapping !== undefined) return { mapping }
  if (!arn.includes(':function:')) throw resourceNotFound()
  const { name, qualifier } = functionReference(arn, undefined, context.settings)
  if (qualifier !== undefined)
    throw invalidParameter(
      'Tagging operations are permitted on Lambda functions only. Tags on aliases and versions are not supported. Please specify either a function name or a function ARN.',
    )
  return { functionName: name }
}

async function changeTags(context: CatalogContext, resource: Resource, change: (tags: Tags) => Tags): Promise<void> {
  const { records } = context
  const changed = (tags: Tags): Tags => {
    const after = change(tags)
    checkTags(after)
    return after
  }
  if ('mapping' in resource)
    return records.change(records.mappings, resource.mapping, (current) => {
      if (current === undefined) throw notThere(context, resource)
      return { value: { ...current, tags: changed(current.tags) }, result: undefined }
    })
  return records.changeFunction(resource.functionName, (current) => {
    if (current === undefined) throw notThere(context, resource)
    const record = { ...current, tags: changed(current.tags), latest: touched(current.latest) }
    return { record, result: undefined }
  })
}

const notThere = (context: CatalogContext, resource: Resource) =>
  'mapping' in resource ? resourceNotFound() : functionNotFound(context.settings, resource.functionName)

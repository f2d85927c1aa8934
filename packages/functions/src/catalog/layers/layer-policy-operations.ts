import { randomUUID } from 'node:crypto'
import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, notFound } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { layerArn } from '../names/arns.ts'
import { layerName, layerVersion } from '../names/layer-reference.ts'
import type { LayerStatement, LayerVersionRecord } from '../records/layer-record.ts'
import { revisionMismatch } from '../refusals.ts'
import { text } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { queryText, readInput } from '../shapes/read-input.ts'
import { required } from '../shapes/shape.ts'

const PATH = '/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy'

const addShape = structure({
  StatementId: required(text({ min: 1, max: 100, pattern: '([a-zA-Z0-9-_]+)' })),
  Action: required(text({ max: 22, pattern: 'lambda:GetLayerVersion' })),
  Principal: required(text({ pattern: '\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root' })),
  OrganizationId: text({ max: 34, pattern: 'o-[a-z0-9]{10,32}' }),
})

export const addLayerVersionPermission = (context: CatalogContext): Operation => ({
  name: 'AddLayerVersionPermission',
  method: 'POST',
  path: PATH,
  async handle(request) {
    const input = readInput(addShape, request)
    const { id, arn } = layerOf(context, request)
    const statement: LayerStatement = {
      Sid: input.StatementId,
      Effect: 'Allow',
      Principal: /^\d{12}$/.test(input.Principal)
        ? { AWS: `arn:aws:iam::${input.Principal}:root` }
        : input.Principal === '*'
          ? '*'
          : { AWS: input.Principal },
      Action: 'lambda:GetLayerVersion',
      Resource: arn,
      ...(input.OrganizationId === undefined
        ? {}
        : { Condition: { StringEquals: { 'aws:PrincipalOrgID': input.OrganizationId } } }),
    }
    const policyRevision = await changePolicy(context, request, id, arn, (policy) => {
      if (policy.some(({ Sid }) => Sid === statement.Sid))
        throw conflict(
          `The statement id (${statement.Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        )
      return [...policy, statement]
    })
    return { status: 201, body: { Statement: JSON.stringify(statement), RevisionId: policyRevision } }
  },
})

export const getLayerVersionPolicy = (context: CatalogContext): Operation => ({
  name: 'GetLayerVersionPolicy',
  method: 'GET',
  path: PATH,
  handle(request) {
    const { id, arn } = layerOf(context, request)
    const record = existing(context.records.layers.get(id), arn)
    if (record.policy.length === 0) throw notFound('No policy is associated with the given resource.')
    const Policy = JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: record.policy })
    return { status: 200, body: { Policy, RevisionId: record.policyRevision } }
  },
})

export const removeLayerVersionPermission = (context: CatalogContext): Operation => ({
  name: 'RemoveLayerVersionPermission',
  method: 'DELETE',
  path: `${PATH}/{StatementId}`,
  async handle(request) {
    const { id, arn } = layerOf(context, request)
    const sid = request.labels['StatementId'] ?? ''
    await changePolicy(context, request, id, arn, (policy) => {
      const after = policy.filter(({ Sid }) => Sid !== sid)
      if (after.length === policy.length) throw notFound(`Statement ${sid} is not found in resource policy.`)
      return after
    })
    return { status: 204 }
  },
})

function layerOf({ settings }: CatalogContext, request: ApiRequest): { readonly id: string; readonly arn: string } {
  const name = layerName(request.labels['LayerName'] ?? '', settings)
  const version = layerVersion(request.labels['VersionNumber'] ?? '')
  return { id: `${name}/${version}`, arn: `${layerArn(settings, name)}:${version}` }
}

function existing(record: LayerVersionRecord | undefined, arn: string): LayerVersionRecord {
  if (record === undefined) throw notFound(`Layer version ${arn} does not exist.`)
  return record
}

/** @returns the policy's new revision */
function changePolicy(
  { records }: CatalogContext,
  request: ApiRequest,
  id: string,
  arn: string,
  change: (policy: readonly LayerStatement[]) => readonly LayerStatement[],
): Promise<string> {
  return records.change(records.layers, id, (current) => {
    const record = existing(current, arn)
    const wanted = queryText(request, 'RevisionId')
    if (wanted !== undefined && wanted !== record.policyRevision) throw revisionMismatch('GetLayerPolicy')
    const policyRevision = randomUUID()
    return { value: { ...record, policy: change(record.policy), policyRevision }, result: policyRevision }
  })
}

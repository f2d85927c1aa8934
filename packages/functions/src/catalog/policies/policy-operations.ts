import { randomUUID } from 'node:crypto'
import type { ApiRequest, Operation } from '../../control-api/operation.ts'
import { conflict, invalidParameter, notFound } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { functionOf, referenceOf, versionOf } from '../functions/function-input.ts'
import { touched } from '../functions/revise.ts'
import { functionArn, LATEST } from '../names/arns.ts'
import type { FunctionRecord, StatementRecord, VersionRecord } from '../records/function-record.ts'
import { functionNotFound, policyTooLong, resourceNotFound, revisionMismatch } from '../refusals.ts'
import { flag, oneOf, text } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { queryText, readInput } from '../shapes/read-input.ts'
import { required } from '../shapes/shape.ts'
import { statementOf } from './statement.ts'
import { own } from '../records/own.ts'

const PATH = '/2015-03-31/functions/{FunctionName}/policy'
const MAX_POLICY_BYTES = 20_480

const addShape = structure({
  StatementId: required(text({ min: 1, max: 100, pattern: '([a-zA-Z0-9-_]+)' })),
  Action: required(text({ pattern: '(lambda:[*]|lambda:[a-zA-Z]+|[*])' })),
  Principal: required(text({ pattern: '[^\\s]+' })),
  SourceArn: text({
    pattern: 'arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)',
  }),
  SourceAccount: text({ max: 12, pattern: '\\d{12}' }),
  EventSourceToken: text({ max: 256, pattern: '[a-zA-Z0-9._\\-]+' }),
  PrincipalOrgID: text({ min: 12, max: 34, pattern: 'o-[a-z0-9]{10,32}' }),
  FunctionUrlAuthType: oneOf('NONE', 'AWS_IAM'),
  InvokedViaFunctionUrl: flag(),
  RevisionId: text(),
})

export const addPermission = (context: CatalogContext): Operation => ({
  name: 'AddPermission',
  method: 'POST',
  path: PATH,
  async handle(request) {
    const { name, qualifier } = referenceOf(context, request)
    if (qualifier === LATEST) throw invalidParameter('We currently do not support adding policies for $LATEST.')
    const input = readInput(addShape, request)
    const statement = statementOf(input, functionArn(context.settings, name, qualifier))
    await context.records.changeFunction(name, (current) => {
      if (current === undefined) throw functionNotFound(context.settings, name, qualifier)
      checkRevision(context, current, qualifier, input.RevisionId)
      const statements = own(current.policies, qualifier ?? LATEST) ?? []
      if (statements.some(({ Sid }) => Sid === statement.Sid))
        throw conflict(
          `The statement id (${statement.Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        )
      const after = [...statements, statement]
      const bytes = Buffer.byteLength(policyText(after))
      if (bytes > MAX_POLICY_BYTES) throw policyTooLong(bytes, MAX_POLICY_BYTES)
      return { ...withPolicy(context, current, qualifier, after), result: undefined }
    })
    return { status: 201, body: { Statement: JSON.stringify(statement) } }
  },
})

export const getPolicy = (context: CatalogContext): Operation => ({
  name: 'GetPolicy',
  method: 'GET',
  path: PATH,
  handle(request) {
    const { name, qualifier } = referenceOf(context, request)
    const record = functionOf(context, { name, qualifier })
    const statements = own(record.policies, qualifier ?? LATEST) ?? []
    if (statements.length === 0) throw resourceNotFound()
    return {
      status: 200,
      body: { Policy: policyText(statements), RevisionId: revisionOf(context, record, qualifier) },
    }
  },
})

export const removePermission = (context: CatalogContext): Operation => ({
  name: 'RemovePermission',
  method: 'DELETE',
  path: `${PATH}/{StatementId}`,
  async handle(request: ApiRequest) {
    const { name, qualifier } = referenceOf(context, request)
    const sid = request.labels['StatementId'] ?? ''
    await context.records.changeFunction(name, (current) => {
      if (current === undefined) throw notFound(`No policy found for: ${functionArn(context.settings, name)}`)
      const statements = own(current.policies, qualifier ?? LATEST) ?? []
      if (statements.length === 0) throw notFound('No policy is associated with the given resource.')
      const after = statements.filter(({ Sid }) => Sid !== sid)
      if (after.length === statements.length) throw notFound(`Statement ${sid} is not found in resource policy.`)
      checkRevision(context, current, qualifier, queryText(request, 'RevisionId'))
      return { ...withPolicy(context, current, qualifier, after), result: undefined }
    })
    return { status: 204 }
  },
})

const policyText = (statements: readonly StatementRecord[]): string =>
  JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: statements })

/** Of the alias or version that the policy is of; throws when there is none. */
function revisionOf(context: CatalogContext, record: FunctionRecord, qualifier: string | undefined): string {
  const alias = qualifier === undefined ? undefined : own(record.aliases, qualifier)
  return alias?.revisionId ?? versionOf(context, record, qualifier).revisionId
}

function checkRevision(
  context: CatalogContext,
  record: FunctionRecord,
  qualifier: string | undefined,
  wanted: string | undefined,
): void {
  const actual = revisionOf(context, record, qualifier)
  if (wanted !== undefined && wanted !== actual) throw revisionMismatch()
}

/** A policy belongs to what has a RevisionId, which changes with it. */
function withPolicy(
  context: CatalogContext,
  record: FunctionRecord,
  qualifier: string | undefined,
  statements: readonly StatementRecord[],
): { readonly record: FunctionRecord; readonly versions?: Readonly<Record<string, VersionRecord>> } {
  const { [qualifier ?? LATEST]: _, ...others } = record.policies
  const policies = statements.length === 0 ? others : { ...others, [qualifier ?? LATEST]: statements }
  const alias = qualifier === undefined ? undefined : own(record.aliases, qualifier)
  if (qualifier === undefined) return { record: { ...record, policies, latest: touched(record.latest) } }
  if (alias === undefined)
    return {
      record: { ...record, policies },
      versions: { [qualifier]: touched(versionOf(context, record, qualifier)) },
    }
  const aliases = { ...record.aliases, [qualifier]: { ...alias, revisionId: randomUUID() } }
  return { record: { ...record, policies, aliases } }
}

import { randomBytes } from 'node:crypto'
import { ServiceError } from '../../model/service-error.ts'
import type { StateStore } from '../../state/state-store.ts'
import { required, tagsOf, type QueryAction } from './query-surface.ts'
import { StateRecords } from './state-records.ts'

interface Policy {
  readonly PolicyName: string
  readonly PolicyId: string
  readonly Arn: string
  readonly Path: string
  readonly Description: string | undefined
  readonly CreateDate: string
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[]
  /** JSON text. */
  readonly document: string
}

/** Managed policies with one version each: kept and shown, like roles. AWS's own are there, and empty. */
export function iamPolicyActions(state: StateStore, account: string): Record<string, QueryAction> {
  const policies = new StateRecords<Policy>(state, 'iam/policies/')
  const policy = async (parameters: URLSearchParams): Promise<Policy> => {
    const arn = required(parameters, 'PolicyArn')
    return (await policies.get(arn)) ?? awsPolicy(arn) ?? noPolicy(arn)
  }
  const version = ({ CreateDate, document }: Policy): object => ({
    Document: encodeURIComponent(document),
    VersionId: 'v1',
    IsDefaultVersion: true,
    CreateDate,
  })

  return {
    CreatePolicy: async (parameters) => {
      const created = newPolicy(parameters, account)
      if (await policies.create(created.Arn, created)) return { Policy: shown(created) }
      throw new ServiceError(
        'EntityAlreadyExists',
        409,
        `A policy called ${created.PolicyName} already exists. Duplicate names are not allowed.`,
      )
    },
    GetPolicy: async (parameters) => ({ Policy: shown(await policy(parameters)) }),
    GetPolicyVersion: async (parameters) => ({ PolicyVersion: version(await policy(parameters)) }),
    ListPolicyVersions: async (parameters) => ({ Versions: [version(await policy(parameters))], IsTruncated: false }),
    ListPolicyTags: async (parameters) => ({ Tags: (await policy(parameters)).Tags, IsTruncated: false }),
    DeletePolicy: async (parameters) => {
      const arn = required(parameters, 'PolicyArn')
      if ((await policies.change(arn, () => undefined)) === undefined) noPolicy(arn)
      return undefined
    },
  }
}

function newPolicy(parameters: URLSearchParams, account: string): Policy {
  const PolicyName = required(parameters, 'PolicyName')
  const Path = parameters.get('Path') ?? '/'
  return {
    PolicyName,
    PolicyId: `ANPA${randomBytes(16).toString('hex').toUpperCase().slice(0, 17)}`,
    Arn: `arn:aws:iam::${account}:policy${Path}${PolicyName}`,
    Path,
    Description: parameters.get('Description') ?? undefined,
    CreateDate: new Date().toISOString().replace(/\.\d+/, ''),
    Tags: tagsOf(parameters),
    document: required(parameters, 'PolicyDocument'),
  }
}

function awsPolicy(arn: string): Policy | undefined {
  if (!arn.startsWith('arn:aws:iam::aws:policy/')) return undefined
  return {
    PolicyName: arn.split('/').at(-1) ?? '',
    PolicyId: 'ANPAAAAAAAAAAAAAAAAAA',
    Arn: arn,
    Path: arn.slice(arn.indexOf('/'), arn.lastIndexOf('/') + 1),
    Description: undefined,
    CreateDate: '2015-04-09T15:03:43Z',
    Tags: [],
    document: '{"Version":"2012-10-17","Statement":[]}',
  }
}

const shown = (policy: Policy): object => ({
  ...policy,
  document: undefined,
  DefaultVersionId: 'v1',
  AttachmentCount: 0,
  PermissionsBoundaryUsageCount: 0,
  IsAttachable: true,
  UpdateDate: policy.CreateDate,
})

function noPolicy(arn: string): never {
  throw new ServiceError('NoSuchEntity', 404, `Policy ${arn} was not found.`)
}

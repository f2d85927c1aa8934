import { randomBytes } from 'node:crypto'
import { ServiceError } from '../../model/service-error.ts'
import type { StateStore } from '../../state/state-store.ts'
import { membersOf, required, tagsOf, type QueryAction } from './query-surface.ts'
import { StateRecords } from './state-records.ts'

interface Role {
  readonly RoleName: string
  readonly RoleId: string
  readonly Arn: string
  readonly Path: string
  readonly CreateDate: string
  readonly Description: string | undefined
  readonly MaxSessionDuration: number
  /** JSON text. */
  readonly AssumeRolePolicyDocument: string
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[]
  /** ARNs. */
  readonly attached: readonly string[]
  /** JSON text by name. */
  readonly inline: Readonly<Record<string, string>>
}

/**
 * Roles as far as tools that deploy functions need them: they are kept and shown. Nothing is allowed or denied by them here; a function's role is
 * a name.
 */
export function iamRoleActions(state: StateStore, account: string): Record<string, QueryAction> {
  const roles = new StateRecords<Role>(state, 'iam/roles/')
  const role = async (parameters: URLSearchParams): Promise<Role> => {
    const name = required(parameters, 'RoleName')
    return (await roles.get(name)) ?? noRole(name)
  }
  const change = async (parameters: URLSearchParams, edit: (role: Role) => Role | undefined): Promise<undefined> => {
    const name = required(parameters, 'RoleName')
    if ((await roles.change(name, edit)) === undefined) noRole(name)
  }

  return {
    CreateRole: async (parameters) => {
      const created = newRole(parameters, account)
      if (await roles.create(created.RoleName, created)) return { Role: shown(created) }
      throw new ServiceError('EntityAlreadyExists', 409, `Role with name ${created.RoleName} already exists.`)
    },
    GetRole: async (parameters) => ({ Role: shown(await role(parameters)) }),
    ListRoles: async () => ({ Roles: (await roles.list()).map(shown), IsTruncated: false }),
    UpdateRole: async (parameters) => {
      const Description = parameters.get('Description') ?? undefined
      const MaxSessionDuration = Number(parameters.get('MaxSessionDuration') ?? 3600)
      await change(parameters, (before) => ({ ...before, Description, MaxSessionDuration }))
      return {}
    },
    UpdateAssumeRolePolicy: (parameters) => {
      const AssumeRolePolicyDocument = policyDocument(parameters)
      return change(parameters, (before) => ({ ...before, AssumeRolePolicyDocument }))
    },
    DeleteRole: (parameters) =>
      change(parameters, ({ attached, inline }) => {
        if (attached.length === 0 && Object.keys(inline).length === 0) return undefined
        const what = attached.length > 0 ? 'detach all policies' : 'delete policies'
        throw new ServiceError('DeleteConflict', 409, `Cannot delete entity, must ${what} first.`)
      }),

    ListAttachedRolePolicies: async (parameters) => {
      const { attached } = await role(parameters)
      const AttachedPolicies = attached.map((arn) => ({ PolicyName: arn.split('/').at(-1), PolicyArn: arn }))
      return { AttachedPolicies, IsTruncated: false }
    },
    AttachRolePolicy: (parameters) => {
      const arn = required(parameters, 'PolicyArn')
      return change(parameters, (before) => ({ ...before, attached: [...new Set([...before.attached, arn])] }))
    },
    DetachRolePolicy: (parameters) => {
      const arn = required(parameters, 'PolicyArn')
      return change(parameters, (before) => {
        if (!before.attached.includes(arn)) throw noEntity(`Policy ${arn} was not found.`)
        return { ...before, attached: before.attached.filter((one) => one !== arn) }
      })
    },

    ListRolePolicies: async (parameters) => ({
      PolicyNames: Object.keys((await role(parameters)).inline),
      IsTruncated: false,
    }),
    PutRolePolicy: (parameters) => {
      const name = required(parameters, 'PolicyName')
      const document = policyDocument(parameters)
      return change(parameters, (before) => ({ ...before, inline: { ...before.inline, [name]: document } }))
    },
    GetRolePolicy: async (parameters) => {
      const { RoleName, inline } = await role(parameters)
      const PolicyName = required(parameters, 'PolicyName')
      if (!Object.hasOwn(inline, PolicyName)) throw noInlinePolicy(PolicyName)
      return { RoleName, PolicyName, PolicyDocument: encodeURIComponent(inline[PolicyName]) }
    },
    DeleteRolePolicy: (parameters) => {
      const name = required(parameters, 'PolicyName')
      return change(parameters, (before) => {
        if (!Object.hasOwn(before.inline, name)) throw noInlinePolicy(name)
        const rest = Object.entries(before.inline).filter(([key]) => key !== name)
        return { ...before, inline: Object.fromEntries(rest) }
      })
    },

    ListRoleTags: async (parameters) => ({ Tags: (await role(parameters)).Tags, IsTruncated: false }),
    TagRole: (parameters) => {
      const added = tagsOf(parameters)
      return change(parameters, (before) => ({
        ...before,
        Tags: [
          ...without(
            before,
            added.map(({ Key }) => Key),
          ),
          ...added,
        ],
      }))
    },
    UntagRole: (parameters) => {
      const keys = membersOf(parameters, 'TagKeys')
      return change(parameters, (before) => ({ ...before, Tags: without(before, keys) }))
    },
    ListInstanceProfilesForRole: async (parameters) => {
      await role(parameters)
      return { InstanceProfiles: [], IsTruncated: false }
    },
  }
}

function newRole(parameters: URLSearchParams, account: string): Role {
  const RoleName = required(parameters, 'RoleName')
  if (!/^[\w+=,.@-]{1,64}$/.test(RoleName)) {
    const message = `The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`
    throw new ServiceError('ValidationError', 400, message)
  }
  const Path = parameters.get('Path') ?? '/'
  return {
    RoleName,
    RoleId: `AROA${randomBytes(16).toString('hex').toUpperCase().slice(0, 17)}`,
    Arn: `arn:aws:iam::${account}:role${Path}${RoleName}`,
    Path,
    CreateDate: new Date().toISOString().replace(/\.\d+/, ''),
    Description: parameters.get('Description') ?? undefined,
    MaxSessionDuration: Number(parameters.get('MaxSessionDuration') ?? 3600),
    AssumeRolePolicyDocument: policyDocument(parameters, 'AssumeRolePolicyDocument'),
    Tags: tagsOf(parameters),
    attached: [],
    inline: {},
  }
}

/** Documents leave percent-encoded. */
const shown = (role: Role): object => ({
  ...role,
  attached: undefined,
  inline: undefined,
  AssumeRolePolicyDocument: encodeURIComponent(role.AssumeRolePolicyDocument),
})

function policyDocument(parameters: URLSearchParams, name = 'PolicyDocument'): string {
  const text = required(parameters, name)
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new ServiceError('MalformedPolicyDocument', 400, 'This policy contains invalid Json')
  }
}

const without = ({ Tags }: Role, keys: readonly string[]): Role['Tags'] => Tags.filter(({ Key }) => !keys.includes(Key))

const noEntity = (message: string): ServiceError => new ServiceError('NoSuchEntity', 404, message)
const noInlinePolicy = (name: string): ServiceError => noEntity(`The role policy with name ${name} cannot be found.`)
function noRole(name: string): never {
  throw noEntity(`The role with name ${name} cannot be found.`)
}

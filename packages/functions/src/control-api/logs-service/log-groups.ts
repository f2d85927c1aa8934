import type { StateStore } from '../../state/state-store.ts'
import { ServiceError } from '../../model/service-error.ts'
import { StateRecords } from '../query/state-records.ts'
import { optionalText, textOf, type LogsCall } from './logs-call.ts'

export interface LogGroup {
  readonly logGroupName: string
  /** Milliseconds since 1970. */
  readonly creationTime: number
  readonly retentionInDays?: number | undefined
  readonly tags: Readonly<Record<string, string>>
}

/** Log groups as Terraform makes them: kept and shown. How long logs stay on the disk is a setting of the log store. */
export function logGroupActions(state: StateStore, region: string, account: string): Record<string, LogsCall> {
  const groups = new StateRecords<LogGroup>(state, 'log-groups/')
  const arnOf = (name: string): string => `arn:aws:logs:${region}:${account}:log-group:${name}`
  const change = async (name: string, edit: (group: LogGroup) => LogGroup | undefined): Promise<undefined> => {
    if ((await groups.change(name, edit)) === undefined) throw noGroup()
  }
  /** Of `resourceArn`, with or without `:*` at its end, or of `logGroupName`. */
  const named = (input: Readonly<Record<string, unknown>>): string =>
    input['resourceArn'] === undefined
      ? textOf(input, 'logGroupName')
      : textOf(input, 'resourceArn')
          .replace(/^arn:aws:logs:[^:]*:\d*:log-group:/, '')
          .replace(/:\*$/, '')
  const tags = async (input: Readonly<Record<string, unknown>>): Promise<object> => {
    const group = await groups.get(named(input))
    if (group === undefined) throw noGroup()
    return { tags: group.tags }
  }
  const tag = (input: Readonly<Record<string, unknown>>): Promise<undefined> => {
    const added = input['tags'] as Record<string, string>
    return change(named(input), (group) => ({ ...group, tags: { ...group.tags, ...added } }))
  }
  const untag = (input: Readonly<Record<string, unknown>>): Promise<undefined> => {
    const removed = (input['tagKeys'] ?? input['tags'] ?? []) as string[]
    const kept = (group: LogGroup) => Object.entries(group.tags).filter(([key]) => !removed.includes(key))
    return change(named(input), (group) => ({ ...group, tags: Object.fromEntries(kept(group)) }))
  }

  return {
    CreateLogGroup: async (input) => {
      const logGroupName = textOf(input, 'logGroupName')
      if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(logGroupName)) throw badGroupName(logGroupName)
      const group = { logGroupName, creationTime: Date.now(), tags: (input['tags'] ?? {}) as Record<string, string> }
      if (await groups.create(logGroupName, group)) return undefined
      throw new ServiceError('ResourceAlreadyExistsException', 400, 'The specified log group already exists')
    },
    DeleteLogGroup: (input) => change(named(input), () => undefined),
    PutRetentionPolicy: (input) => {
      const retentionInDays = Number(input['retentionInDays'])
      return change(named(input), (group) => ({ ...group, retentionInDays }))
    },
    DeleteRetentionPolicy: (input) => change(named(input), (group) => ({ ...group, retentionInDays: undefined })),
    DescribeLogGroups: async (input) => {
      const prefix = optionalText(input, 'logGroupNamePrefix')
      const pattern = optionalText(input, 'logGroupNamePattern')
      const found = (await groups.list()).filter(
        ({ logGroupName }) => logGroupName.startsWith(prefix) && logGroupName.includes(pattern),
      )
      const logGroups = found.map((group) => ({
        ...group,
        tags: undefined,
        arn: `${arnOf(group.logGroupName)}:*`,
        logGroupArn: arnOf(group.logGroupName),
        logGroupClass: 'STANDARD',
        metricFilterCount: 0,
        storedBytes: 0,
      }))
      return { logGroups }
    },
    ListTagsForResource: tags,
    ListTagsLogGroup: tags,
    TagResource: tag,
    TagLogGroup: tag,
    UntagResource: untag,
    UntagLogGroup: untag,
  }
}

export const noGroup = (): ServiceError =>
  new ServiceError('ResourceNotFoundException', 400, 'The specified log group does not exist.')

const badGroupName = (name: string): ServiceError =>
  new ServiceError(
    'InvalidParameterException',
    400,
    `1 validation error detected: Value '${name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`,
  )

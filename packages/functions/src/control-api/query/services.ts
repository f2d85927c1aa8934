import type { StateStore } from '../../state/state-store.ts'
import { iamPolicyActions } from './iam-policies.ts'
import { iamRoleActions } from './iam-roles.ts'
import { required, type QueryService } from './query-surface.ts'

/** IAM as far as tools that deploy functions call it. */
export const iamService = (state: StateStore, account: string): QueryService => ({
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  actions: { ...iamRoleActions(state, account), ...iamPolicyActions(state, account) },
})

/** STS: who everyone is here, and credentials that open nothing. */
export const stsService = (account: string): QueryService => {
  const credentials = (): object => ({
    AccessKeyId: 'ASIASEKISHO000000000',
    SecretAccessKey: 'sekisho',
    SessionToken: 'sekisho',
    Expiration: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
  })
  return {
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    actions: {
      GetCallerIdentity: () => ({ Arn: `arn:aws:iam::${account}:root`, UserId: account, Account: account }),
      GetSessionToken: () => ({ Credentials: credentials() }),
      AssumeRole: (parameters) => {
        const session = required(parameters, 'RoleSessionName')
        const role = required(parameters, 'RoleArn').split('/').at(-1)
        const Arn = `arn:aws:sts::${account}:assumed-role/${role}/${session}`
        return {
          Credentials: credentials(),
          AssumedRoleUser: { AssumedRoleId: `AROASEKISHO0000000000:${session}`, Arn },
        }
      },
    },
  }
}

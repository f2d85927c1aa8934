import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeletePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesForRoleCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MemoryState } from '../../state/memory-state.ts'
import { startControlApi, type RunningControlApi } from '../testing/start-control-api.ts'
import { QuerySurface } from './query-surface.ts'
import { iamService, stsService } from './services.ts'

const ACCOUNT = '000000000000'
let api: RunningControlApi
let iam: IAMClient
let sts: STSClient

beforeEach(async () => {
  const state = new MemoryState()
  const query = new QuerySurface([iamService(state, ACCOUNT), stsService(ACCOUNT)], (error) => {
    throw error
  })
  api = await startControlApi({ surfaces: [query] })
  const options = {
    endpoint: api.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  }
  iam = new IAMClient(options)
  sts = new STSClient(options)
})
afterEach(() => {
  iam.destroy()
  sts.destroy()
  api.close()
})

const document = JSON.stringify({ Version: '2012-10-17', Statement: [{ Sid: 'a & <b>' }] })
const create = (tags: { Key: string; Value: string }[] = []) =>
  iam.send(
    new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: document, Description: 'żółw <&>', Tags: tags }),
  )

it('makes, shows and lists a role', async () => {
  const { Role } = await create([{ Key: 'team', Value: 'a=b' }])
  expect(Role).toMatchObject({
    RoleName: 'r',
    Arn: 'arn:aws:iam::000000000000:role/r',
    Path: '/',
    Description: 'żółw <&>',
    MaxSessionDuration: 3600,
    Tags: [{ Key: 'team', Value: 'a=b' }],
  })
  expect(Role?.CreateDate).toBeInstanceOf(Date)
  expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toBe(document)
  expect((await iam.send(new GetRoleCommand({ RoleName: 'r' }))).Role).toEqual(Role)
  expect((await iam.send(new ListRolesCommand({}))).Roles).toEqual([Role])
})

it('changes a role', async () => {
  await create([{ Key: 'a', Value: '1' }])
  await iam.send(new UpdateRoleCommand({ RoleName: 'r', Description: 'new', MaxSessionDuration: 7200 }))
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'r', PolicyDocument: '{}' }))
  await iam.send(
    new TagRoleCommand({
      RoleName: 'r',
      Tags: [
        { Key: 'a', Value: '2' },
        { Key: 'b', Value: '3' },
      ],
    }),
  )
  await iam.send(new UntagRoleCommand({ RoleName: 'r', TagKeys: ['b'] }))
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: 'r' }))
  expect(Role).toMatchObject({ Description: 'new', MaxSessionDuration: 7200, AssumeRolePolicyDocument: '%7B%7D' })
  expect((await iam.send(new ListRoleTagsCommand({ RoleName: 'r' }))).Tags).toEqual([{ Key: 'a', Value: '2' }])
})

it('attaches policies and keeps inline ones; only an empty role can be deleted', async () => {
  await create()
  const PolicyArn = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'
  const role = { RoleName: 'r' }
  await iam.send(new AttachRolePolicyCommand({ ...role, PolicyArn }))
  await iam.send(new PutRolePolicyCommand({ ...role, PolicyName: 'p', PolicyDocument: document }))
  expect((await iam.send(new ListAttachedRolePoliciesCommand(role))).AttachedPolicies).toEqual([
    { PolicyName: 'AWSLambdaBasicExecutionRole', PolicyArn },
  ])
  expect((await iam.send(new ListRolePoliciesCommand(role))).PolicyNames).toEqual(['p'])
  const inline = await iam.send(new GetRolePolicyCommand({ ...role, PolicyName: 'p' }))
  expect(decodeURIComponent(inline.PolicyDocument ?? '')).toBe(document)
  expect((await iam.send(new ListInstanceProfilesForRoleCommand(role))).InstanceProfiles).toEqual([])

  await expect(iam.send(new DeleteRoleCommand(role))).rejects.toMatchObject({ name: 'DeleteConflictException' })
  await iam.send(new DetachRolePolicyCommand({ ...role, PolicyArn }))
  await iam.send(new DeleteRolePolicyCommand({ ...role, PolicyName: 'p' }))
  await iam.send(new DeleteRoleCommand(role))
  await expect(iam.send(new GetRoleCommand(role))).rejects.toMatchObject({
    name: 'NoSuchEntityException',
    message: 'The role with name r cannot be found.',
  })
})

it('keeps managed policies', async () => {
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: 'p', PolicyDocument: document }))
  const arn = { PolicyArn: 'arn:aws:iam::000000000000:policy/p' }
  expect(Policy).toMatchObject({ Arn: arn.PolicyArn, DefaultVersionId: 'v1' })
  expect((await iam.send(new GetPolicyCommand(arn))).Policy).toEqual(Policy)
  const version = await iam.send(new GetPolicyVersionCommand({ ...arn, VersionId: 'v1' }))
  expect(decodeURIComponent(version.PolicyVersion?.Document ?? '')).toBe(document)
  await iam.send(new DeletePolicyCommand(arn))
  await expect(iam.send(new GetPolicyCommand(arn))).rejects.toMatchObject({ name: 'NoSuchEntityException' })
})

it('refuses what cannot be', async () => {
  await create()
  await expect(create()).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' })
  const bad = new CreateRoleCommand({ RoleName: 'a/b', AssumeRolePolicyDocument: document })
  await expect(iam.send(bad)).rejects.toMatchObject({ name: 'ValidationError' })
  const noJson = new CreateRoleCommand({ RoleName: 'x', AssumeRolePolicyDocument: '{' })
  await expect(iam.send(noJson)).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' })
  const answer = await fetch(api.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'Action=CreateUser&Version=2010-05-08',
  })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'text/xml'])
  expect(await answer.text()).toMatch(/^<ErrorResponse><Error><Type>Sender<\/Type><Code>InvalidAction<\/Code>/)
})

it('says who one is', async () => {
  expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: ACCOUNT,
    Arn: 'arn:aws:iam::000000000000:root',
  })
  const assumed = await sts.send(new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::1:role/r', RoleSessionName: 's' }))
  expect(assumed.Credentials?.AccessKeyId).toMatch(/^ASIA/)
  expect(assumed.AssumedRoleUser?.Arn).toBe('arn:aws:sts::000000000000:assumed-role/r/s')
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FunctionPolicyCheck } from '../function-catalog.ts'
import { ARN, CatalogHarness, type Json } from '../testing/catalog-harness.ts'

let catalog: CatalogHarness
beforeEach(async () => {
  catalog = await CatalogHarness.create()
  await catalog.create('f', { Publish: true })
  await catalog.on('CreateAlias', 'f', { Name: 'live', FunctionVersion: '1' })
})
afterEach(() => catalog.dispose())

const gateway = { StatementId: 's1', Action: 'lambda:InvokeFunction', Principal: 'apigateway.amazonaws.com' }
const source = 'arn:aws:execute-api:us-east-1:000000000000:api/*/GET/x'

it('answers texts of JSON', async () => {
  const { status, body } = await catalog.answer('AddPermission', {
    labels: { FunctionName: 'f' },
    body: { ...gateway, SourceArn: source },
  })
  expect(status).toBe(201)
  const statement = {
    Sid: 's1',
    Effect: 'Allow',
    Principal: { Service: 'apigateway.amazonaws.com' },
    Action: 'lambda:InvokeFunction',
    Resource: `${ARN}:f`,
    Condition: { ArnLike: { 'AWS:SourceArn': source } },
  }
  expect(JSON.parse((body as Json).Statement)).toEqual(statement)
  const policy = await catalog.on('GetPolicy', 'f')
  expect(JSON.parse(policy.Policy)).toEqual({ Version: '2012-10-17', Id: 'default', Statement: [statement] })
  expect(policy.RevisionId).toBe((await catalog.on('GetFunctionConfiguration', 'f')).RevisionId)
})

it('belongs to a function, an alias or a version', async () => {
  for (const Qualifier of ['live', '1']) {
    const before = await revision(Qualifier)
    const { Statement } = await catalog.on('AddPermission', 'f', gateway, { Qualifier })
    expect(JSON.parse(Statement).Resource).toBe(`${ARN}:f:${Qualifier}`)
    expect(await revision(Qualifier)).not.toBe(before)
  }
  expect(await catalog.refusalOn('GetPolicy', 'f')).toBe(
    '404 ResourceNotFoundException The resource you requested does not exist.',
  )
  await catalog.on('RemovePermission', 'f', undefined, { Qualifier: 'live' }, { StatementId: 's1' })
  expect(await catalog.refusalOn('GetPolicy', 'f', undefined, { Qualifier: 'live' })).toMatch(/^404/)
})

async function revision(qualifier: string): Promise<string> {
  if (qualifier === '1') return (await catalog.on('GetFunctionConfiguration', 'f:1')).RevisionId
  return (await catalog.on('GetAlias', 'f', undefined, undefined, { Name: qualifier })).RevisionId
}

it('refuses what AWS refuses', async () => {
  await catalog.on('AddPermission', 'f', gateway)
  const add = (body: Json, query?: Json) =>
    catalog.refusalOn('AddPermission', 'f', { ...gateway, StatementId: 's2', ...body }, query)
  expect(await add({ StatementId: 's1' })).toBe(
    '409 ResourceConflictException The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.',
  )
  expect(await add({}, { Qualifier: '$LATEST' })).toBe(
    '400 InvalidParameterValueException We currently do not support adding policies for $LATEST.',
  )
  expect(await add({}, { Qualifier: '5' })).toBe(`404 ResourceNotFoundException Function not found: ${ARN}:f:5`)
  expect(await add({ Principal: 'me' })).toBe(
    '400 InvalidParameterValueException The provided principal was invalid. Please check the principal and try again.',
  )
  expect(await add({ StatementId: 'a b' })).toContain("at 'statementId'")
  expect(await add({ Action: 'read' })).toContain("at 'action'")
  expect(await add({ RevisionId: 'x' })).toMatch(/^412/)
  const remove = (sid: string) => catalog.refusalOn('RemovePermission', 'f', undefined, undefined, { StatementId: sid })
  expect(await remove('x')).toBe('404 ResourceNotFoundException Statement x is not found in resource policy.')
  expect(await remove('s1')).toBe('it was accepted')
  expect(await remove('s1')).toBe('404 ResourceNotFoundException No policy is associated with the given resource.')
  expect(await catalog.refusalOn('RemovePermission', 'g', undefined, undefined, { StatementId: 's' })).toBe(
    `404 ResourceNotFoundException No policy found for: ${ARN}:g`,
  )
})

it('has 20 KB', async () => {
  let outcome = ''
  for (let index = 0; index < 200 && !outcome.startsWith('400'); index++)
    outcome = await catalog.refusalOn('AddPermission', 'f', {
      ...gateway,
      StatementId: `s${index}`,
      SourceArn: `${source}/${'x'.repeat(200)}`,
    })
  expect(outcome).toMatch(
    /^400 PolicyLengthExceededException The final policy size \(\d+\) is bigger than the limit \(20480\)\.$/,
  )
})

describe('allows', () => {
  const check = (more: Partial<FunctionPolicyCheck>): boolean =>
    catalog.catalog.allows('f', undefined, {
      principal: 'apigateway.amazonaws.com',
      sourceArn: undefined,
      functionUrlAuthType: undefined,
      ...more,
    })

  it('nobody without a statement', () => {
    expect(check({})).toBe(false)
    expect(
      catalog.catalog.allows('g', undefined, { principal: '*', sourceArn: undefined, functionUrlAuthType: undefined }),
    ).toBe(false)
  })

  it('a service, from the source that is named', async () => {
    await catalog.on('AddPermission', 'f', { ...gateway, SourceArn: source })
    expect(check({ sourceArn: 'arn:aws:execute-api:us-east-1:000000000000:api/prod/GET/x' })).toBe(true)
    expect(check({ sourceArn: 'arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/x' })).toBe(false)
    expect(check({ sourceArn: 'arn:aws:execute-api:us-east-1:000000000001:api/prod/GET/x' })).toBe(false)
    expect(check({})).toBe(false)
    expect(check({ principal: 's3.amazonaws.com', sourceArn: source })).toBe(false)
  })

  it('an account, with all who belong to it', async () => {
    await catalog.on('AddPermission', 'f', { ...gateway, Principal: '111111111111' })
    expect(check({ principal: '111111111111' })).toBe(true)
    expect(check({ principal: 'arn:aws:iam::111111111111:role/x' })).toBe(true)
    expect(check({ principal: 'arn:aws:iam::211111111111:role/x' })).toBe(false)
  })

  it('function URLs, by their kind of authorization', async () => {
    await catalog.on('AddPermission', 'f', {
      StatementId: 'url',
      Action: 'lambda:InvokeFunctionUrl',
      Principal: '*',
      FunctionUrlAuthType: 'NONE',
    })
    expect(check({ principal: '*', functionUrlAuthType: 'NONE' })).toBe(true)
    expect(check({ principal: '*', functionUrlAuthType: 'AWS_IAM' })).toBe(false)
    expect(check({ principal: '*' })).toBe(false)
  })

  it('no organization, since nobody knows them', async () => {
    await catalog.on('AddPermission', 'f', { ...gateway, PrincipalOrgID: 'o-abcdefghij' })
    expect(check({})).toBe(false)
  })

  it('is not slowed down by stars', async () => {
    await catalog.on('AddPermission', 'f', {
      ...gateway,
      SourceArn: `arn:aws:s3:us-east-1:000000000000:${'*a'.repeat(100)}b`,
    })
    const start = performance.now()
    expect(check({ sourceArn: `arn:aws:s3:us-east-1:000000000000:${'a'.repeat(5_000)}` })).toBe(false)
    expect(performance.now() - start).toBeLessThan(500)
  })
})

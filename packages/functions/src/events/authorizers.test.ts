import { describe, expect, it } from 'vitest'
import { policyAnswer, simpleAnswer, type PolicyAuthorization } from './authorizer-answers.ts'
import { MalformedAnswer } from './http-answer.ts'

const ARN = 'arn:aws:execute-api:us-east-1:123456789012:api/prod/GET/a/b'
const policy = (Statement: unknown, more: object = {}) =>
  policyAnswer(Buffer.from(JSON.stringify({ principalId: 'p', policyDocument: { Statement }, ...more })))
const allow = (Resource: unknown, more: object = {}) => ({
  Effect: 'Allow',
  Action: 'execute-api:Invoke',
  Resource,
  ...more,
})
const deny = (Resource: unknown, more: object = {}) => ({
  Effect: 'Deny',
  Action: 'execute-api:Invoke',
  Resource,
  ...more,
})

describe('a policy', () => {
  it.each<[string, unknown, boolean, boolean]>([
    ['the same', allow(ARN), true, false],
    ['a list', [allow(['x', ARN])], true, false],
    ['a star', allow('arn:aws:execute-api:*:*:api/*/GET/*'), true, false],
    ['stars alone', allow('**'), true, false],
    ['a question mark', allow(ARN.replace('prod', 'pro?')), true, false],
    ['another method', allow(ARN.replace('GET', 'POST')), false, false],
    ['a longer one', allow(`${ARN}/c`), false, false],
    ['letters of an expression', allow(ARN.replace('a/b', '.*')), false, false],
    ['any action', allow(ARN, { Action: '*' }), true, false],
    ['actions', allow(ARN, { Action: ['s3:Get*', 'execute-api:*'] }), true, false],
    ['another action', allow(ARN, { Action: 'execute-api:ManageConnections' }), false, false],
    ['a deny over an allow', [allow('*'), deny(ARN)], false, true],
    ['a deny of another', [allow('*'), deny(`${ARN}/c`)], true, false],
    ['a condition on an allow', allow('*', { Condition: {} }), false, false],
    ['a condition on a deny', [allow('*'), deny('x', { Condition: {} })], false, true],
    ['NotResource', [allow('*'), { Effect: 'Deny', Action: '*', NotResource: ARN }], false, true],
    ['no statement', [], false, false],
  ])('with %s', (_, statement, allowed, explicitDeny) => {
    expect((policy(statement) as PolicyAuthorization).evaluate(ARN)).toMatchObject({ allowed, explicitDeny })
  })

  it('takes its time, whatever the pattern', () => {
    const made = policy(allow('*a'.repeat(1_000))) as PolicyAuthorization
    expect(made.evaluate('a'.repeat(900) + 'b').allowed).toBe(false)
  })

  it('hands its context on as text', () => {
    const made = policy(allow('*'), { context: { a: 1, b: true, c: 'd', e: null } }) as PolicyAuthorization
    expect(made.evaluate(ARN).context).toEqual({ a: '1', b: 'true', c: 'd', principalId: 'p' })
  })

  it.each<[unknown, string]>([
    [{ policyDocument: {} }, 'principalId is no text'],
    [{ principalId: 'p' }, 'policyDocument is no object'],
    [{ principalId: 'p', policyDocument: {} }, 'Statement is neither an object nor a list of objects'],
    [
      { principalId: 'p', policyDocument: { Statement: [{ Effect: 'allow' }] } },
      'Effect is neither "Allow" nor "Deny"',
    ],
    [
      { principalId: 'p', policyDocument: { Statement: allow(undefined) } },
      'Resource is neither a text nor a list of texts',
    ],
    [
      { principalId: 'p', policyDocument: { Statement: allow('*', { Action: 5 }) } },
      'Action is neither a text nor a list of texts',
    ],
    [
      { principalId: 'p', policyDocument: { Statement: allow('*') }, context: { a: {} } },
      'context.a is neither a text nor a number nor a boolean',
    ],
  ])('is malformed: %j', (value, problem) => {
    expect(policyAnswer(Buffer.from(JSON.stringify(value)))).toEqual(new MalformedAnswer(problem))
  })
})

describe('a simple answer', () => {
  it.each<[unknown, boolean | string]>([
    [{ isAuthorized: true }, true],
    [{ isAuthorized: false, context: { a: [1] } }, false],
    [{ isAuthorized: 'true' }, 'isAuthorized is neither true nor false'],
    [{}, 'isAuthorized is neither true nor false'],
    [{ isAuthorized: true, context: 5 }, 'context is no object'],
    [true, 'the answer is no object'],
  ])('%j', (value, expected) => {
    const made = simpleAnswer(Buffer.from(JSON.stringify(value)))
    if (typeof expected === 'string') expect(made).toEqual(new MalformedAnswer(expected))
    else expect(made).toMatchObject({ allowed: expected })
  })
})

import { expect, it } from 'vitest'
import type { FunctionConfiguration } from '../api/answers.ts'
import { changes, creation, deploymentOf } from './deployment.ts'
import { typedVariables, withOptions } from './options.ts'

const BUILT = { runtime: 'nodejs24.x', handler: 'index.handler', files: [], notes: [] }
const THERE: FunctionConfiguration = {
  FunctionName: 'f',
  FunctionArn: 'arn',
  Runtime: 'nodejs24.x',
  Handler: 'index.handler',
  Role: 'arn:aws:iam::000000000000:role/other',
  CodeSize: 1,
  CodeSha256: '',
  MemorySize: 128,
  Timeout: 3,
  Environment: { Variables: { AA: '1', BB: '2' } },
  LastModified: '',
  Version: '$LATEST',
}

it('creates with what is said, and leaves the rest to the service', () => {
  const deployment = deploymentOf('f', { memory: 512, env: { AA: 1, ON: true }, network: 'egress' }, BUILT, { BB: '2' })
  expect(creation(deployment)).toEqual({
    Role: 'arn:aws:iam::000000000000:role/sekisho',
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    MemorySize: 512,
    Environment: { Variables: { AA: '1', ON: 'true', BB: '2' } },
  })
  expect(deployment.tags).toEqual({ 'sekisho:network': 'egress' })
})

it('changes what is different, and nothing that nobody spoke of', () => {
  expect(changes(deploymentOf('f', {}, BUILT, {}), THERE)).toBeUndefined()
  expect(changes(deploymentOf('f', { timeout: 3 }, BUILT, {}), THERE)).toBeUndefined()
  expect(changes(deploymentOf('f', { timeout: 4, role: THERE.Role! }, BUILT, {}), THERE)).toEqual({ Timeout: 4 })
})

it('has the variables of the file, or else those that are there, and those that were typed', () => {
  expect(changes(deploymentOf('f', {}, BUILT, { CC: '3' }), THERE)).toEqual({
    Environment: { Variables: { AA: '1', BB: '2', CC: '3' } },
  })
  expect(changes(deploymentOf('f', { env: { BB: 2, AA: 1 } }, BUILT, {}), THERE)).toBeUndefined()
  expect(changes(deploymentOf('f', { env: {} }, BUILT, {}), THERE)).toEqual({ Environment: { Variables: {} } })
})

it('refuses a name that no variable can have', () => {
  expect(() => deploymentOf('f', { env: { 'a-b': 1 } }, BUILT, {})).toThrow(
    '"env" has a variable "a-b"; a name has two',
  )
})

it('has a URL as it is asked for', () => {
  const urlOf = (url: Parameters<typeof deploymentOf>[1]['url']) =>
    deploymentOf('f', url === undefined ? {} : { url }, BUILT, {}).url
  expect(urlOf(false)).toBeUndefined()
  expect(urlOf(true)).toEqual({ AuthType: 'NONE', InvokeMode: 'BUFFERED' })
  expect(urlOf({ auth: 'iam', stream: true, cors: { origins: ['*'], max_age: 5 } })).toEqual({
    AuthType: 'AWS_IAM',
    InvokeMode: 'RESPONSE_STREAM',
    Cors: { AllowOrigins: ['*'], MaxAge: 5 },
  })
})

it('takes what is typed before what is in the file', () => {
  const file = { memory: 256, timeout: 5, url: { auth: 'iam' } } as const
  expect(withOptions(file, { memory: 512, url: true })).toEqual({ memory: 512, timeout: 5, url: { auth: 'iam' } })
  expect(withOptions({}, { url: true })).toEqual({ url: true })
})

it('reads variables as they are typed', () => {
  expect(typedVariables(['AA=1', 'BB=', 'CC=a=b', 'DD'], { DD: 'here' })).toEqual({
    AA: '1',
    BB: '',
    CC: 'a=b',
    DD: 'here',
  })
  expect(() => typedVariables(['1=2'], {})).toThrow('--env "1=2" is not NAME=VALUE')
  expect(() => typedVariables(['A=2'], {})).toThrow('a name has two or more letters')
  expect(() => typedVariables(['A-B=2'], {})).toThrow('is not NAME=VALUE')
  expect(() => typedVariables(['DD'], {})).toThrow('--env DD: there is no variable DD here; write DD=VALUE')
})

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFunctions, type RunningFunctions } from './testing/start-functions.ts'
import { NODE_RUNTIME, zipOf } from './testing/zip-of.ts'

const version = spawnSync('aws', ['--version'], { encoding: 'utf8' })
const present = version.status === 0
/** Version 2 takes payloads as base64 unless told otherwise; version 1 does not know the option. */
const raw = version.stdout?.startsWith('aws-cli/2') ? ['--cli-binary-format', 'raw-in-base64-out'] : []

describe.skipIf(!present)(`the AWS CLI${present ? '' : ' (needs the program aws)'}`, () => {
  let functions: RunningFunctions
  let folder: string
  beforeAll(async () => {
    functions = await startFunctions()
    folder = mkdtempSync(join(tmpdir(), 'sekisho-aws-cli-'))
    const code = `exports.handler = async (event) => { console.log('seen'); return { got: event } }`
    writeFileSync(join(folder, 'code.zip'), await zipOf({ 'index.js': code }))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await functions.stop()
  })

  async function aws(...parameters: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await promisify(execFile)('aws', [...parameters, '--output', 'json'], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        AWS_ENDPOINT_URL: functions.endpoint,
        AWS_REGION: 'us-east-1',
        AWS_DEFAULT_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'any',
        AWS_SECRET_ACCESS_KEY: 'any',
        AWS_MAX_ATTEMPTS: '1',
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    })
    return stdout.trim() === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>)
  }

  it('creates, waits, invokes, reads logs, lists and deletes', { timeout: 120_000 }, async () => {
    const name = ['--function-name', 'cli']
    const role = await aws('iam', 'create-role', '--role-name', 'cli', '--assume-role-policy-document', '{}')
    const { Arn } = role['Role'] as { Arn: string }
    const created = await aws(
      ...['lambda', 'create-function', ...name, '--runtime', NODE_RUNTIME, '--handler', 'index.handler'],
      ...['--role', Arn, '--zip-file', 'fileb://code.zip', '--timeout', '10'],
    )
    expect(created).toMatchObject({ FunctionName: 'cli', Role: Arn })
    await aws('lambda', 'wait', 'function-active-v2', ...name)
    const answer = await aws(
      'lambda',
      'invoke',
      ...name,
      ...raw,
      '--payload',
      '{"a":"ż"}',
      '--log-type',
      'Tail',
      'out.json',
    )
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' })
    expect(JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'))).toEqual({ got: { a: 'ż' } })
    expect(Buffer.from(answer['LogResult'] as string, 'base64').toString()).toContain('INFO\tseen')

    const events = await aws(
      'logs',
      'filter-log-events',
      '--log-group-name',
      '/aws/lambda/cli',
      '--filter-pattern',
      'seen',
    )
    expect(events['events']).toHaveLength(1)
    const listed = await aws('lambda', 'list-functions')
    expect(listed['Functions']).toMatchObject([{ FunctionName: 'cli' }])
    expect(await aws('sts', 'get-caller-identity')).toMatchObject({ Account: '000000000000' })

    await aws('lambda', 'delete-function', ...name)
    await expect(aws('lambda', 'get-function', ...name)).rejects.toMatchObject({
      stderr: expect.stringContaining(
        'An error occurred (ResourceNotFoundException) when calling the GetFunction operation: Function not found: arn:aws:lambda:us-east-1:000000000000:function:cli',
      ) as string,
    })
  })
})

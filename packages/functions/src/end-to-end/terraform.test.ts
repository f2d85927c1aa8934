import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFunctions, type RunningFunctions } from './testing/start-functions.ts'
import { NODE_RUNTIME, zipOf } from './testing/zip-of.ts'

/** Where a host may have the provider, so that nothing needs to be fetched. */
const PLUGINS = [
  process.env['SEKISHO_TERRAFORM_PLUGINS'] ?? '',
  join(homedir(), '.terraform.d', 'plugins'),
  '/usr/local/share/terraform/plugins',
  '/usr/share/terraform/plugins',
].find((folder) => folder !== '' && existsSync(join(folder, 'registry.terraform.io', 'hashicorp', 'aws')))
const present = PLUGINS !== undefined && spawnSync('terraform', ['version']).status === 0
/** Its provider takes seven seconds to start, six times. */
const wanted = process.env['TEST_TERRAFORM'] === '1'
const missing = wanted
  ? ' (needs the program terraform and its provider hashicorp/aws)'
  : ' (takes a minute: TEST_TERRAFORM=1)'

const CONFIGURATION = (endpoint: string, greeting: string): string => `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "any"
  secret_key                  = "any"
  max_retries                 = 1
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints {
    lambda = "${endpoint}"
    iam    = "${endpoint}"
    sts    = "${endpoint}"
    logs   = "${endpoint}"
  }
}
resource "aws_iam_role" "role" {
  name               = "terraform"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Action = "sts:AssumeRole", Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" } }]
  })
  tags = { team = "a" }
}
resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.role.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
resource "aws_iam_role_policy_attachment" "basic" {
  role       = aws_iam_role.role.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}
resource "aws_cloudwatch_log_group" "log" {
  name              = "/aws/lambda/terraform"
  retention_in_days = 7
  tags              = { team = "a" }
}
resource "aws_lambda_layer_version" "layer" {
  layer_name          = "terraform"
  filename            = "layer.zip"
  source_code_hash    = filebase64sha256("layer.zip")
  compatible_runtimes = ["${NODE_RUNTIME}"]
}
resource "aws_lambda_function" "function" {
  function_name    = "terraform"
  role             = aws_iam_role.role.arn
  runtime          = "${NODE_RUNTIME}"
  handler          = "index.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  publish          = true
  timeout          = 10
  layers           = [aws_lambda_layer_version.layer.arn]
  environment { variables = { GREETING = "${greeting}" } }
  tags       = { team = "a" }
  depends_on = [aws_cloudwatch_log_group.log]
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.function.function_name
  function_version = aws_lambda_function.function.version
}
resource "aws_lambda_permission" "gateway" {
  statement_id  = "gateway"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:aws:execute-api:us-east-1:000000000000:abc/*/*"
  qualifier     = aws_lambda_alias.live.name
}
resource "aws_lambda_function_url" "url" {
  function_name      = aws_lambda_function.function.function_name
  authorization_type = "NONE"
  cors { allow_origins = ["*"] }
}
resource "aws_lambda_function_event_invoke_config" "retries" {
  function_name          = aws_lambda_function.function.function_name
  maximum_retry_attempts = 1
}
data "aws_caller_identity" "me" {}
output "account" { value = data.aws_caller_identity.me.account_id }
output "url" { value = aws_lambda_function_url.url.function_url }
`

describe.skipIf(!present || !wanted)(`Terraform${present && wanted ? '' : missing}`, () => {
  let functions: RunningFunctions
  let folder: string
  beforeAll(async () => {
    functions = await startFunctions()
    folder = mkdtempSync(join(tmpdir(), 'sekisho-terraform-'))
    const code = 'exports.handler = async (event) => process.env.GREETING + event.n'
    writeFileSync(join(folder, 'code.zip'), await zipOf({ 'index.js': code }))
    writeFileSync(join(folder, 'layer.zip'), await zipOf({ 'a.txt': 'a' }))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await functions.stop()
  })

  async function terraform(...parameters: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('terraform', parameters, {
      cwd: folder,
      maxBuffer: 10_000_000,
      env: { PATH: process.env['PATH'], HOME: folder, TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1' },
    })
    return stdout
  }
  const configure = (greeting: string): void =>
    writeFileSync(join(folder, 'main.tf'), CONFIGURATION(functions.endpoint, greeting))
  const invoke = async (): Promise<string> => {
    const address = `${functions.endpoint}/2015-03-31/functions/terraform/invocations?Qualifier=live`
    return (await fetch(address, { method: 'POST', body: '{"n":1}' })).text()
  }

  it('applies, finds nothing to do, updates and destroys', { timeout: 300_000 }, async () => {
    configure('hello')
    await terraform('init', `-plugin-dir=${PLUGINS}`, '-no-color')
    expect(await terraform('apply', '-auto-approve', '-no-color')).toContain('10 added, 0 changed, 0 destroyed')
    expect(await invoke()).toBe('"hello1"')
    const outputs = JSON.parse(await terraform('output', '-json')) as Record<string, { value: string }>
    expect(outputs['account'].value).toBe('000000000000')
    expect(outputs['url'].value).toContain('.lambda-url.us-east-1.')
    expect((await fetch(`${functions.endpoint}/lambda-url/terraform/`)).status).toBe(200)

    // Exit status 2 would mean that there is something to do.
    expect(await terraform('plan', '-detailed-exitcode', '-no-color')).toContain('No changes.')

    configure('goodbye')
    expect(await terraform('apply', '-auto-approve', '-no-color')).toMatch(/0 added, [23] changed, 0 destroyed/)
    expect(await invoke()).toBe('"goodbye1"')
    expect(await terraform('plan', '-detailed-exitcode', '-no-color')).toContain('No changes.')
    expect(await terraform('destroy', '-auto-approve', '-no-color')).toContain('Destroy complete!')
    expect((await fetch(`${functions.endpoint}/2015-03-31/functions/terraform`)).status).toBe(404)
  })
})

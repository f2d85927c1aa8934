import { pemText } from '../../resources/pem.ts'
import type { AwsSecret } from '../../resources/secret.ts'
import { ask } from '../ask.ts'
import { isOutage, objectIn, type SecretFailure, type SecretRead, textFields } from '../read-secret.ts'
import { signAws } from './sign-aws.ts'

const SERVICE = 'secretsmanager'

/** Reads one secret of AWS Secrets Manager (`GetSecretValue`): its fields where it holds a JSON object, as they mostly do. */
export async function readAws(config: AwsSecret, name: string): Promise<SecretRead> {
  const { region = 'us-east-1', session_token: sessionToken, timeout = 3, ca } = config
  const url = new URL(config.endpoint_url ?? `https://${SERVICE}.${region}.amazonaws.com`)
  const body = JSON.stringify({ SecretId: name })
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${SERVICE}.GetSecretValue` }
  const credentials = {
    accessKeyId: config.access_key_id,
    secretAccessKey: config.secret_access_key,
    sessionToken,
  }
  const scope = { region, service: SERVICE, time: new Date() }
  const signed = signAws({ method: 'POST', url, headers, body }, credentials, scope)
  const answer = await ask({
    method: 'POST',
    url: url.href,
    headers: signed,
    body,
    timeoutMs: timeout * 1_000,
    ca: ca && pemText(ca),
  })
  const where = `AWS Secrets Manager at ${url.host}`
  if ('failure' in answer) return { message: `${where} ${answer.failure}`, unreachable: true }
  const value = objectIn(answer.text)
  if (answer.status !== 200) return refusal(where, name, answer.status, value, config.id)
  const text = value?.['SecretString']
  if (typeof text !== 'string') {
    const binary = typeof value?.['SecretBinary'] === 'string'
    const message = binary ? `the secret "${name}" is binary` : `what ${where} answers holds no secret`
    return { message, unreachable: false }
  }
  return { fields: textFields(objectIn(text) ?? {}), text }
}

function refusal(
  where: string,
  name: string,
  status: number,
  value: Readonly<Record<string, unknown>> | undefined,
  id: string,
): SecretFailure {
  const unreachable = isOutage(status)
  const named = value?.['__type']
  const type = typeof named === 'string' ? named.replace(/^.*#/, '') : ''
  if (type === 'ResourceNotFoundException')
    return { message: `there is no secret "${name}" in ${where}`, remedy: `look at "region" of "${id}"`, unreachable }
  const said = value?.['message'] ?? value?.['Message']
  const reason = [type, typeof said === 'string' ? said.slice(0, 200) : ''].filter((part) => part !== '').join(': ')
  return { message: `${where} answers with ${status}${reason === '' ? '' : ` (${reason})`}`, unreachable }
}

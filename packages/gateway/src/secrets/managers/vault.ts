import { pemText } from '../../resources/pem.ts'
import type { VaultSecret } from '../../resources/secret.ts'
import { ask } from '../ask.ts'
import { isObject, isOutage, objectIn, type SecretFailure, type SecretRead, textFields } from '../read-secret.ts'

/**
 * Reads one path of the key/value engine of HashiCorp Vault or OpenBao.
 *
 * Version 1 answers `{ "data": { NAME: VALUE } }`, version 2 `{ "data": { "data": { NAME: VALUE }, "metadata": { "version": 1, … } } }`.
 * (Vault's HTTP API: /secret/kv/kv-v1, /secret/kv/kv-v2)
 */
export async function readVault(config: VaultSecret, path: string): Promise<SecretRead> {
  const where = `${config.uri.replace(/\/+$/, '')}/v1/${pathOf(config, path)}`
  const answer = await ask({
    method: 'GET',
    url: where,
    headers: {
      'x-vault-token': config.token,
      'x-vault-request': 'true',
      accept: 'application/json',
      ...(config.namespace === undefined ? {} : { 'x-vault-namespace': config.namespace }),
    },
    timeoutMs: (config.timeout ?? 3) * 1_000,
    ca: config.ca && pemText(config.ca),
  })
  if ('failure' in answer) return { message: `Vault at ${config.uri} ${answer.failure}`, unreachable: true }
  if (answer.status !== 200) return refusal(where, answer.status, answer.text, config)
  const data = objectIn(answer.text)?.['data']
  if (!isObject(data))
    return { message: `what ${where} answers is not from the key/value engine of Vault`, unreachable: false }
  if (!isVersion2(data)) return { fields: textFields(data) }
  if (isObject(data['data'])) return { fields: textFields(data['data']) }
  return { message: `the last version of the secret at ${where} was deleted`, unreachable: false }
}

function pathOf({ prefix, kv_version: version }: VaultSecret, path: string): string {
  const [mount = '', ...rest] = prefix.split('/').filter((part) => part !== '')
  const data = version === 2 && rest[0] !== 'data' ? ['data'] : []
  return [mount, ...data, ...rest, ...path.split('/')].map(encodeURIComponent).join('/')
}

/** Also without `kv_version: 2`: a prefix may be written as `secret/data/apisix`. */
const isVersion2 = (data: Readonly<Record<string, unknown>>): boolean =>
  isObject(data['metadata']) &&
  typeof data['metadata']['version'] === 'number' &&
  (isObject(data['data']) || data['data'] === null)

function refusal(where: string, status: number, text: string, { id }: VaultSecret): SecretFailure {
  const unreachable = isOutage(status)
  if (status === 404)
    return {
      message: `there is nothing at ${where}`,
      remedy: `look at "prefix" and "kv_version" of "${id}"`,
      unreachable,
    }
  if (status === 403)
    return {
      message: `the token of "${id}" may not read ${where}, or is not valid (any more)`,
      remedy: 'give it a policy with "read" there, or renew it',
      unreachable,
    }
  if (status === 503) return { message: `Vault is sealed, or not ready (${where} answers with 503)`, unreachable }
  const errors = objectIn(text)?.['errors']
  const said = Array.isArray(errors) && errors.length > 0 ? `: ${String(errors[0]).slice(0, 200)}` : ''
  return { message: `${where} answers with ${status}${said}`, unreachable }
}

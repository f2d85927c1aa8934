import { isSecretName } from '../../config/secret-fields.ts'

/** Names of arguments that show who somebody is, beside those that `isSecretName` knows; among them those of signed URLs. */
const SHOWN =
  /^(key|pass|pwd|sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|awsaccesskeyid|code|jwt|auth|session(_?id)?)$/i

const isShown = (name: string): boolean => SHOWN.test(name) || isSecretName(name.replaceAll('-', '_'))

const MASK = 'REDACTED'

/** A query whose secrets are `REDACTED`, as the semantic conventions of OpenTelemetry want it. */
export function maskedQuery(query: string): string {
  if (query === '') return query
  let masked = ''
  let from = 0
  while (from <= query.length) {
    const ampersand = query.indexOf('&', from)
    const to = ampersand < 0 ? query.length : ampersand
    const equals = query.indexOf('=', from)
    if (equals >= 0 && equals < to && isShown(decodedName(query.slice(from, equals))))
      masked += `${query.slice(from, equals + 1)}${MASK}`
    else masked += query.slice(from, to)
    if (ampersand < 0) return masked
    masked += '&'
    from = to + 1
  }
  return masked
}

/** A target (path and query) whose secrets are hidden. */
export function maskedTarget(target: string): string {
  const at = target.indexOf('?')
  return at < 0 ? target : `${target.slice(0, at + 1)}${maskedQuery(target.slice(at + 1))}`
}

function decodedName(name: string): string {
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

import { createSecureContext } from 'node:tls'
import { compileRegularExpression } from '../../expressions/regular-expression.ts'
import { pemText } from '../../resources/pem.ts'
import type { Ssl } from '../../resources/ssl.ts'
import { unknownCipher } from '../../tls/ciphers.ts'
import { isProblem, readCertificates, reason } from '../../tls/pem-chain.ts'
import { isServer, namesOf } from '../../tls/sni.ts'
import { versionRange } from '../../tls/versions.ts'
import { shortText, type Findings } from '../problem.ts'
import { checkAuthorities, checkPair } from './certificates.ts'
import { type Claim, serverNameClaim } from './claims.ts'
import type { CheckContext, Entry } from './entry.ts'
import { reasonOf } from './reason.ts'

/** What is only read for certificates that are shown to clients. */
const SERVER_FIELDS = ['sni', 'snis', 'client', 'certs', 'keys', 'ssl_protocols', 'ciphers'] as const

/** What the schema of an ssl cannot say. */
export function checkSsl(findings: Findings, ssl: Ssl, path: string): void {
  const before = findings.list.length
  checkPair(findings, pemText(ssl.cert), pemText(ssl.key), `${path}/cert`, `${path}/key`)
  checkFurtherPairs(findings, ssl, path)
  if (ssl.type === 'client') return checkClientSide(findings, ssl, path)
  if (ssl.sni === undefined && ssl.snis === undefined) {
    findings.add({
      path,
      message: '"sni" is missing, the name that the certificate is for',
      remedy: 'add "sni" or "snis"; "*" is every name, and "type: client" a certificate for upstreams',
    })
  }
  if (ssl.ciphers !== undefined) checkCiphers(findings, ssl.ciphers, `${path}/ciphers`)
  if (ssl.client !== undefined) {
    checkAuthorities(findings, pemText(ssl.client.ca), `${path}/client/ca`)
    for (const [index, pattern] of (ssl.client.skip_mtls_uri_regex ?? []).entries())
      checkPattern(findings, pattern, `${path}/client/skip_mtls_uri_regex/${index}`)
  }
  if (findings.list.length === before) checkUsable(findings, ssl, path)
}

function checkFurtherPairs(findings: Findings, { cert, certs = [], keys = [] }: Ssl, path: string): void {
  if (certs.length !== keys.length) {
    findings.add({ path: `${path}/keys`, message: `are ${keys.length}, and "certs" are ${certs.length}` })
    return
  }
  const kinds = new Set([keyKind(pemText(cert))])
  for (const [index, further] of certs.entries()) {
    const text = pemText(further)
    checkPair(findings, text, pemText(keys[index]), `${path}/certs/${index}`, `${path}/keys/${index}`)
    const kind = keyKind(text)
    if (kind !== undefined && kinds.has(kind)) {
      findings.add({
        path: `${path}/certs/${index}`,
        message: `is a second certificate with a key of the kind ${kind}: only one of each kind can be shown`,
        remedy: 'keep one RSA and one ECDSA certificate',
      })
    }
    kinds.add(kind)
  }
}

/** `rsa`, `ec`, …: OpenSSL holds one certificate of each. */
function keyKind(pem: string): string | undefined {
  const chain = readCertificates(pem)
  return isProblem(chain) ? undefined : chain[0].publicKey.asymmetricKeyType
}

function checkClientSide(findings: Findings, ssl: Ssl, path: string): void {
  for (const field of SERVER_FIELDS) {
    if (ssl[field] === undefined) continue
    findings.add({
      path: `${path}/${field}`,
      atKey: true,
      message: `"${field}" has no meaning with "type: client"`,
      remedy: 'remove it; upstreams refer to the certificate by "tls.client_cert_id"',
    })
  }
}

function checkCiphers(findings: Findings, ciphers: string, path: string): void {
  const unknown = unknownCipher(ciphers)
  if (unknown === undefined) return
  findings.add({
    path,
    value: shortText(JSON.stringify(ciphers)),
    message: `OpenSSL does not know "${unknown.name}"`,
    remedy: unknown.meant === undefined ? 'see "openssl ciphers -v"' : `did you mean "${unknown.meant}"?`,
  })
}

function checkPattern(findings: Findings, pattern: string, path: string): void {
  try {
    compileRegularExpression(pattern, false, '')
  } catch (error) {
    findings.add({ path, value: JSON.stringify(pattern), ...reasonOf(error) })
  }
}

/** OpenSSL has rules of its own: keys that are too short, digests that are too weak, lists without a cipher for the versions. */
function checkUsable(findings: Findings, ssl: Ssl, path: string): void {
  const { cert, key, certs = [], keys = [], ciphers } = ssl
  try {
    createSecureContext({
      cert: [cert, ...certs].map(pemText),
      key: [key, ...keys].map(pemText),
      ...versionRange(ssl),
      ...(ciphers === undefined ? {} : { ciphers }),
    })
  } catch (error) {
    findings.add({ path, message: `OpenSSL refuses the certificate: ${reason(error)}` })
  }
}

/** One name, one certificate: which of two would be shown, nobody could tell. */
export function serverNameClaims({ item, path }: Entry): readonly Claim[] {
  if (!isServer(item as Ssl)) return []
  return namesOf(item as Ssl).map((name, index) => ({
    name: serverNameClaim(name),
    taken: (holder) => ({
      path: `${path}/${item['snis'] === undefined ? 'sni' : `snis/${index}`}`,
      value: JSON.stringify(name),
      message: `is a name of ${holder} already`,
      remedy: 'keep one of the two; "certs" and "keys" hold a second certificate for the same name',
    }),
  }))
}

/** `client_cert_id` of an upstream must lead to a certificate that is meant for upstreams. */
export function checkClientCertificate(context: CheckContext, entry: Entry): void {
  const reference = clientCertificateOf(entry)
  if (reference !== undefined) checkClientSsl(context, reference)
}

/** `id`, which stands at `path`, must be one of a certificate for upstreams. */
export function checkClientSsl(
  { known, findings }: CheckContext,
  { id, path }: { readonly id: string | number; readonly path: string },
): void {
  const ssl = known.item('ssls', String(id))
  if (ssl?.['type'] === 'client') return
  // What is wrong with the ssl itself has been said.
  if (ssl === undefined && known.has('ssls', String(id))) return
  findings.add({
    path,
    value: JSON.stringify(id),
    message:
      ssl === undefined ? 'there is no ssl with this id' : 'is an ssl for clients that come in, not for upstreams',
    remedy: ssl === undefined ? 'add it to "ssls", with "type: client"' : 'set "type: client" there',
  })
}

/** The ssl that an upstream, or what has one within, refers to. */
export function clientCertificateOf({
  kind,
  item,
  path,
}: Entry): { readonly id: string | number; readonly path: string } | undefined {
  const upstream = (kind === 'upstreams' ? item : item['upstream']) as { tls?: { client_cert_id?: string | number } }
  const where = kind === 'upstreams' ? path : `${path}/upstream`
  const id = typeof upstream === 'object' ? upstream?.tls?.client_cert_id : undefined
  return id === undefined ? undefined : { id, path: `${where}/tls/client_cert_id` }
}

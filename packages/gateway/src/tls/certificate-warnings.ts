import type { X509Certificate } from 'node:crypto'
import { pemText } from '../resources/pem.ts'
import type { Ssl } from '../resources/ssl.ts'
import { isProblem, readCertificates } from './pem-chain.ts'
import { isServer, namesOf } from './sni.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
/** Certificates of 90 days are renewed 30 before their end: one that has a fortnight left was forgotten. */
const SOON_DAYS = 14

/**
 * What is wrong with certificates and does not keep the gateway from serving: time that is over or nearly so, names that the certificate does not
 * have. Old certificates are no reason to refuse a configuration, which would make a restart impossible on the day it is most needed.
 *
 * @param now milliseconds since 1970
 */
export function certificateWarnings(ssls: Iterable<readonly [string, Ssl]>, now: number): string[] {
  const found: string[] = []
  for (const [id, ssl] of ssls) {
    if (ssl.status === 0) continue
    const texts = [ssl.cert, ...(ssl.certs ?? [])].map(pemText)
    const leaves = texts
      .map((text) => readCertificates(text))
      .filter((chain): chain is readonly X509Certificate[] => !isProblem(chain))
    for (const [leaf] of leaves) {
      const time = timeOf(leaf, now)
      if (time !== undefined) found.push(`the certificate of ssl "${id}" ${time}`)
      if (!isServer(ssl)) continue
      const missing = namesOf(ssl).filter((name) => !hasName(leaf, name))
      if (missing.length > 0) {
        found.push(`the certificate of ssl "${id}" is not for ${missing.join(', ')}: it names ${namesIn(leaf)}`)
      }
    }
  }
  return found
}

function timeOf(leaf: X509Certificate, now: number): string | undefined {
  const from = Date.parse(leaf.validFrom)
  const to = Date.parse(leaf.validTo)
  if (now > to) return `has expired on ${leaf.validTo}`
  if (now < from) return `is not valid before ${leaf.validFrom}`
  const days = Math.floor((to - now) / DAY_MS)
  // Some authorities issue for a week.
  if (days < SOON_DAYS && to - now < (to - from) / 3) return `expires in ${days} day${days === 1 ? '' : 's'}`
  return undefined
}

/** A wildcard stands for any one label. */
const hasName = (leaf: X509Certificate, name: string): boolean =>
  name === '*' || leaf.checkHost(name.replace(/^\*\./, 'any-label.')) !== undefined

const namesIn = (leaf: X509Certificate): string => leaf.subjectAltName?.replaceAll('DNS:', '') ?? 'none'

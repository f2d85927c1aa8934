import type { Ssl } from '../../resources/ssl.ts'
import { isServer } from '../../tls/sni.ts'
import type { Findings } from '../problem.ts'
import type { NodeSettings } from '../settings/node-settings.ts'
import type { Entry } from './entry.ts'

/** A listener with `tls: true` has nothing to show without any certificate. */
export function checkTlsListeners(settings: NodeSettings, entries: readonly Entry[], findings: Findings): void {
  // Those of a store come and go: what is missing is said at the start.
  if (settings.store.type !== 'file' || settings.acme !== undefined) return
  if (entries.some(({ kind, item }) => kind === 'ssls' && isServer(item as Ssl))) return
  for (const [index, { tls }] of settings.listen.entries()) {
    if (tls === undefined || tls.certificate !== undefined) continue
    findings.add({
      path: `/listen/${index}/tls`,
      value: 'true',
      message: 'needs a certificate',
      remedy: 'add one to "ssls", set "acme", or write { cert: FILE, key: FILE }',
    })
  }
}

/** ACME needs somewhere to be asked, and somewhere to show what it got. */
export function checkAcmeListeners(settings: NodeSettings, findings: Findings): void {
  const { acme, listen } = settings
  if (acme === undefined) return
  if (!listen.some(({ protocol, tls }) => protocol === 'http' && tls === undefined)) {
    findings.add({
      path: '/acme',
      message: 'needs a listener without TLS, where the authority asks for what proves that the domains are yours',
      remedy: 'add 80 to "listen"',
    })
  }
  if (!listen.some(({ tls }) => tls !== undefined)) {
    findings.add({
      path: '/acme',
      message: 'gets certificates that no listener shows',
      remedy: 'add { address: 443, tls: true } to "listen"',
    })
  }
}

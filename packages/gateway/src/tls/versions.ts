import type { Ssl } from '../resources/ssl.ts'

/** The versions that an ssl resource allows, as Node takes them: the two there are follow each other. */
export function versionRange({ ssl_protocols: versions }: Pick<Ssl, 'ssl_protocols'>) {
  const only = versions?.length === 1 ? versions[0] : undefined
  return { minVersion: only ?? 'TLSv1.2', maxVersion: only ?? 'TLSv1.3' } as const
}

import { readFileSync } from 'node:fs'
import type { EtcdTlsFiles } from '../../../config/settings/etcd.ts'
import type { EtcdTls } from './options.ts'

/** The PEM texts of the files that a configuration names. Throws where one cannot be read. */
export function readTls({ ca, cert, key, serverName }: EtcdTlsFiles): EtcdTls {
  const read = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : readFileSync(path, 'utf8')
  return { ca: read(ca), cert: read(cert), key: read(key), serverName }
}

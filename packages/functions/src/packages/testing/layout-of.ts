import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { tarOf, type TarFile } from './tar-of.ts'

export interface LayoutOptions {
  readonly architecture?: string
  /** `Entrypoint`, `Cmd`, `Env`, `WorkingDir`. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly gzip?: boolean
  /** The index is in an index, beside one for another platform. */
  readonly nested?: boolean
  /** Changes a blob after its digest was taken. */
  readonly damage?: (name: string, bytes: Buffer) => Buffer
  readonly layerType?: string
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** An OCI layout archive with these layers. */
export function layoutOf(layers: readonly (readonly TarFile[] | Buffer)[], options: LayoutOptions = {}): Buffer {
  const {
    architecture = process.arch === 'arm64' ? 'arm64' : 'amd64',
    gzip = true,
    damage = (_, bytes) => bytes,
  } = options
  const files: TarFile[] = [{ name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' }]
  const add = (kind: string, bytes: Buffer, mediaType: string) => {
    const digest = `sha256:${sha256(bytes)}`
    files.push({ name: `blobs/sha256/${sha256(bytes)}`, content: damage(kind, bytes) })
    return { mediaType, digest, size: bytes.length }
  }
  const json = (kind: string, value: object, type: string) =>
    add(kind, Buffer.from(JSON.stringify(value)), `application/vnd.oci.image.${type}.v1+json`)
  const tars = layers.map((layer) => (Buffer.isBuffer(layer) ? layer : tarOf(layer as readonly TarFile[])))
  const type = options.layerType ?? `application/vnd.oci.image.layer.v1.tar${gzip ? '+gzip' : ''}`
  const blobs = tars.map((tar) => add('layer', gzip ? gzipSync(tar) : tar, type))
  const rootfs = { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) }
  const config = json('config', { architecture, os: 'linux', config: options.config ?? {}, rootfs }, 'config')
  const manifest = json('manifest', { schemaVersion: 2, config, layers: blobs }, 'manifest')
  const platform = (name: string) => ({ platform: { architecture: name, os: 'linux' } })
  const other = { ...manifest, digest: `sha256:${'0'.repeat(64)}`, ...platform('s390x') }
  const manifests = [other, { ...manifest, ...(options.nested === true ? platform(architecture) : {}) }]
  const inner = options.nested === true ? [json('index', { schemaVersion: 2, manifests }, 'index')] : manifests.slice(1)
  files.push({ name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: inner }) })
  return tarOf(files)
}

import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { BLOCK, parseTarHeader } from './tar-header.ts'
import { TarError } from './tar-stream.ts'

/** Where a blob is in the archive. */
export interface Blob {
  readonly offset: number
  readonly size: number
}

export interface LayerBlob extends Blob {
  /** Hexadecimal SHA-256 of the blob as it is. */
  readonly digest: string
  /** The same of what is in it: the tar archive itself. */
  readonly diffId: string
  readonly compression: 'none' | 'gzip' | 'zstd'
}

/** An image in an OCI layout archive (OCI image-spec, image-layout.md), found and checked up to its layers. */
export interface LayoutImage {
  /** Of its manifest, hexadecimal. */
  readonly digest: string
  readonly layers: readonly LayerBlob[]
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string>>
}

interface Descriptor {
  readonly mediaType?: string
  readonly digest: string
  readonly platform?: { readonly architecture?: string; readonly os?: string }
}

/** An index has a manifest for each platform; a manifest names some dozens of layers. */
const MAX_JSON_BYTES = 4 * 1024 * 1024
/** Index of indexes of …: tools make two. */
const MAX_INDEX_DEPTH = 4
const MAX_LAYERS = 500
const MAX_BLOBS = 10_000

/** `amd64` or `arm64`. Throws TarError. */
export async function readLayout(archive: FileHandle, architecture: string): Promise<LayoutImage> {
  const blobs = await findBlobs(archive)
  const index = blobs.get('index.json')
  if (index === undefined || !blobs.has('oci-layout'))
    throw new TarError(
      'there is no index.json with oci-layout in it: make it with `skopeo copy … oci-archive:FILE` or `docker buildx build --output type=oci,dest=FILE`',
    )
  const root = parse(await readBlob(archive, index), 'index.json')
  const digest = await findManifest(archive, blobs, root, architecture, 0)
  if (digest === undefined) throw new TarError(`there is no image for linux/${architecture} in it`)
  const manifest = await readJson(archive, blobs, digest)
  const config = await readJson(archive, blobs, digestOf(manifest['config']))
  return { digest, layers: layersOf(blobs, manifest, config), ...settingsOf(config, architecture) }
}

/** By name; the archive is read header by header, not byte by byte. */
async function findBlobs(archive: FileHandle): Promise<Map<string, Blob>> {
  const blobs = new Map<string, Blob>()
  const block = Buffer.alloc(BLOCK)
  for (let offset = 0; ;) {
    const { bytesRead } = await archive.read(block, 0, BLOCK, offset)
    const header = bytesRead < BLOCK ? undefined : parseTarHeader(block)
    if (header === undefined) return blobs
    if (typeof header === 'string') throw new TarError(`it is no tar archive: ${header}`)
    offset += BLOCK
    if (header.type === '0') blobs.set(header.name.replace(/^\.\//, ''), { offset, size: header.size })
    if (blobs.size > MAX_BLOBS) throw new TarError(`there are more than ${MAX_BLOBS} blobs in it`)
    offset += Math.ceil(header.size / BLOCK) * BLOCK
  }
}

/** The first that is for this platform; one that says nothing of platforms is taken, and its configuration looked at later. */
async function findManifest(
  archive: FileHandle,
  blobs: ReadonlyMap<string, Blob>,
  index: Record<string, unknown>,
  architecture: string,
  depth: number,
): Promise<string | undefined> {
  if (depth > MAX_INDEX_DEPTH) throw new TarError('its indexes are nested too deep')
  const manifests = Array.isArray(index['manifests']) ? (index['manifests'] as Descriptor[]) : []
  for (const descriptor of manifests) {
    const digest = digestOf(descriptor)
    const { platform, mediaType } = descriptor
    const named = platform?.architecture !== undefined && platform.architecture !== 'unknown'
    if (platform?.architecture === 'unknown') continue
    if (named && (platform.architecture !== architecture || (platform.os ?? 'linux') !== 'linux')) continue
    if (mediaType?.includes('index') !== true && mediaType?.includes('manifest.list') !== true) return digest
    const found = await findManifest(archive, blobs, await readJson(archive, blobs, digest), architecture, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function layersOf(
  blobs: ReadonlyMap<string, Blob>,
  manifest: Record<string, unknown>,
  config: Record<string, unknown>,
): LayerBlob[] {
  const layers = Array.isArray(manifest['layers']) ? (manifest['layers'] as Descriptor[]) : []
  const diffIds = (config['rootfs'] as { diff_ids?: unknown } | undefined)?.diff_ids
  if (layers.length > MAX_LAYERS) throw new TarError(`the image has more than ${MAX_LAYERS} layers`)
  if (!Array.isArray(diffIds) || diffIds.length !== layers.length)
    throw new TarError('its manifest and its configuration do not have the same layers')
  return layers.map((layer, index) => {
    const digest = digestOf(layer)
    const type = layer.mediaType ?? ''
    const compression = type.endsWith('gzip') ? 'gzip' : type.endsWith('zstd') ? 'zstd' : 'none'
    return { ...blobOf(blobs, digest), digest, diffId: digestOf({ digest: String(diffIds[index]) }), compression }
  })
}

function settingsOf(config: Record<string, unknown>, architecture: string) {
  const actual = config['architecture']
  if (actual !== architecture) throw new TarError(`the image is for ${String(actual)}, this host is ${architecture}`)
  const given = (config['config'] ?? {}) as Record<string, unknown>
  const environment = texts(given['Env']).map((pair): [string, string] => {
    const equals = pair.indexOf('=')
    return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  const workingDirectory = given['WorkingDir']
  return {
    entryPoint: texts(given['Entrypoint']),
    command: texts(given['Cmd']),
    workingDirectory: typeof workingDirectory === 'string' && workingDirectory !== '' ? workingDirectory : '/',
    environment: Object.fromEntries(environment),
  }
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []

function digestOf(descriptor: unknown): string {
  const { digest } = (descriptor ?? {}) as { digest?: unknown }
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(typeof digest === 'string' ? digest : '') ?? []
  if (hex === undefined) throw new TarError(`${JSON.stringify(digest)} is no digest: sha256 is known`)
  return hex
}

function blobOf(blobs: ReadonlyMap<string, Blob>, digest: string): Blob {
  const blob = blobs.get(`blobs/sha256/${digest}`)
  if (blob === undefined) throw new TarError(`the blob ${digest} is not in it`)
  return blob
}

async function readJson(
  archive: FileHandle,
  blobs: ReadonlyMap<string, Blob>,
  digest: string,
): Promise<Record<string, unknown>> {
  const bytes = await readBlob(archive, blobOf(blobs, digest))
  if (createHash('sha256').update(bytes).digest('hex') !== digest)
    throw new TarError(`the blob ${digest} is damaged: its checksum is another`)
  return parse(bytes, digest)
}

async function readBlob(archive: FileHandle, { offset, size }: Blob): Promise<Buffer> {
  if (size > MAX_JSON_BYTES) throw new TarError(`a blob that should be JSON has ${size} bytes`)
  const bytes = Buffer.alloc(size)
  const { bytesRead } = await archive.read(bytes, 0, size, offset)
  if (bytesRead < size) throw new TarError('the archive is cut off')
  return bytes
}

function parse(bytes: Buffer, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new TarError(`${name} is no JSON object`)
}

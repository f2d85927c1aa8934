import { readJson } from '../../config/json/read-json.ts'
import { pointerPart } from '../../config/problem.ts'
import type { ConfigSource, ReadResult } from '../../config/source.ts'
import type { AdminContext } from '../admin-options.ts'
import { AdminError, badRequest, refusedFor } from './admin-error.ts'

/** Of one resource, as in APISIX: 1.5 MiB. */
export const MAX_BODY_BYTES = 1_572_864

/** Of a whole document: as much as is read from a configuration file. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

/** The parser stops at 100; no resource of ours is deeper than 20. */
const MAX_DEPTH = 64

export type Fields = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** The body as JSON: strictly, without repeated keys, whatever its Content-Type says (as in APISIX). */
export async function readValue(c: AdminContext): Promise<unknown> {
  const text = await readText(c, MAX_BODY_BYTES)
  if (text.trim() === '') throw badRequest('missing configurations: send the resource as a JSON object in the body')
  return sourceOf(readJson('body', text)).value
}

/** The body as a JSON object. */
export async function readObject(c: AdminContext): Promise<Fields> {
  const value = await readValue(c)
  if (!isObject(value)) throw badRequest('invalid configuration: the body must be a JSON object')
  return value
}

/** The body as a whole document: JSON, or YAML when its Content-Type says so. */
export async function readDocument(c: AdminContext): Promise<ConfigSource> {
  const text = await readText(c, MAX_DOCUMENT_BYTES)
  if (!/\byaml\b/.test(c.req.header('content-type') ?? '')) return sourceOf(readJson('body', text))
  const { readYaml } = await import('../../config/yaml/read-yaml.ts')
  // A stranger's `${{NAME}}` must not read this process's environment.
  return sourceOf(readYaml('body', text, {}))
}

async function readText(c: AdminContext, limit: number): Promise<string> {
  if ((c.req.header('content-encoding') ?? 'identity') !== 'identity')
    throw new AdminError(415, 'the body is compressed; send it as it is')
  const announced = Number(c.req.header('content-length') ?? 0)
  if (announced > limit) throw tooLarge(announced, limit)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length
    if (size > limit) throw tooLarge(size, limit)
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw badRequest('invalid request body: it is not UTF-8')
  }
}

/** 400 and this beginning, as in APISIX; the rest of the body is not read. */
const tooLarge = (size: number, limit: number): AdminError =>
  new AdminError(
    400,
    `invalid request body: request size ${size} is greater than the maximum size ${limit} allowed; split it into several requests`,
    { headers: { connection: 'close' } },
  )

function sourceOf(read: ReadResult): ConfigSource {
  if ('findings' in read) {
    const shown = read.findings.map(({ path, message, remedy, place }) => ({
      path,
      message: `invalid request body: ${message} (line ${place.line}, column ${place.column})`,
      ...(remedy === undefined ? {} : { remedy }),
      line: place.line,
      column: place.column,
    }))
    throw refusedFor(shown)
  }
  refuseHostile(read.source.value, '', 0)
  return read.source
}

/** Keys that mean something else to JavaScript, and depth that only an attacker needs. */
function refuseHostile(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value !== 'object') return
  if (depth > MAX_DEPTH)
    throw badRequest(`invalid request body: ${path.slice(0, 60)}… is nested more than ${MAX_DEPTH} deep`)
  for (const [key, part] of Object.entries(value)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype')
      throw badRequest(`invalid request body: ${path}/${key}: a key of this name is not allowed; rename or remove it`)
    refuseHostile(part, `${path}/${pointerPart(key)}`, depth + 1)
  }
}

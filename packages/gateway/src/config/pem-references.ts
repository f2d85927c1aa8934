import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ResourceKind } from '../resources/kind-names.ts'
import { MAX_PEM_LENGTH } from '../resources/pem.ts'
import type { Entry } from './checks/entry.ts'
import { resolveReferences } from './env-references.ts'
import type { Environment } from './environment.ts'
import type { Findings } from './problem.ts'

/** Keys that lead to certificates and keys; `*` is each item of a list. */
type Place = readonly string[]

const OF_UPSTREAM: readonly Place[] = [
  ['tls', 'ca'],
  ['tls', 'client_cert'],
  ['tls', 'client_key'],
]
const EMBEDDED = OF_UPSTREAM.map((place) => ['upstream', ...place])

const PLACES: Partial<Record<ResourceKind, readonly Place[]>> = {
  ssls: [['cert'], ['key'], ['certs', '*'], ['keys', '*'], ['client', 'ca']],
  upstreams: OF_UPSTREAM,
  services: EMBEDDED,
  routes: EMBEDDED,
  stream_routes: EMBEDDED,
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Puts the text in place of `$env://NAME` and `{ file: PATH }` where a resource holds certificates and keys. What workers get is plain data,
 * and a file with other content is a change of the resource as any other.
 */
export class PemReferences {
  /** Absolute paths of the files that were named, also of those that could not be read. */
  readonly files = new Set<string>()
  private readonly folder: string
  private readonly environment: Environment
  private readonly findings: Findings

  /** @param folder what paths are relative to */
  constructor(folder: string, environment: Environment, findings: Findings) {
    this.folder = folder
    this.environment = environment
    this.findings = findings
  }

  /** The entry itself when there is nothing to resolve; undefined when something could not be, which is a finding then. */
  resolve(entry: Entry): Entry | undefined {
    const before = this.findings.list.length
    let item: unknown = entry.item
    for (const place of PLACES[entry.kind] ?? []) item = this.replace(item, place, entry.path)
    if (this.findings.list.length > before) return undefined
    return item === entry.item ? entry : { ...entry, item: item as Fields }
  }

  private replace(value: unknown, [key, ...rest]: Place, path: string): unknown {
    if (key === undefined) return this.text(value, path)
    if (key === '*') return (value as unknown[]).map((item, index) => this.replace(item, rest, `${path}/${index}`))
    if (value === null || typeof value !== 'object') return value
    const part = (value as Fields)[key]
    if (part === undefined) return value
    const replaced = this.replace(part, rest, `${path}/${key}`)
    return replaced === part ? value : { ...value, [key]: replaced }
  }

  private text(written: unknown, path: string): unknown {
    if (typeof written === 'string') {
      if (written.startsWith('$secret://')) return this.report(path, written, 'secrets are not in this version')
      return resolveReferences(written, this.environment, path, this.findings)
    }
    return this.read((written as { file: string }).file, `${path}/file`)
  }

  private read(name: string, path: string): string {
    const file = resolve(this.folder, name)
    this.files.add(file)
    try {
      const { size } = statSync(file)
      if (size <= MAX_PEM_LENGTH) return readFileSync(file, 'utf8')
      return this.report(path, name, `the file has ${size} bytes, and certificates at most ${MAX_PEM_LENGTH}`)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`
      return this.report(path, name, `the file ${reason}`, `it was looked for at ${file}`)
    }
  }

  private report(path: string, value: string, message: string, remedy?: string): string {
    this.findings.add({ path, value: JSON.stringify(value), message, remedy })
    return ''
  }
}

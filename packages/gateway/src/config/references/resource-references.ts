import type { ResourceKind } from '../../resources/kind-names.ts'
import { managerOf, SECRET_MANAGERS, type Secret } from '../../resources/secret.ts'
import type { Entry, Item } from '../checks/entry.ts'
import { ENV_PREFIX, readVariable, type Resolved } from '../env-references.ts'
import type { Environment } from '../environment.ts'
import { type Findings, pointerPart } from '../problem.ts'
import { FILE_PREFIX, type FileAccess, readReferenced } from './file-reference.ts'
import {
  NOT_READ,
  parseSecretReference,
  SECRET_PREFIX,
  type SecretValues,
  type WantedSecret,
} from './secret-reference.ts'

/** Keys that lead to certificates and keys; `*` is each item of a list. */
type Place = readonly string[]

const OF_UPSTREAM: readonly Place[] = [
  ['tls', 'ca'],
  ['tls', 'client_cert'],
  ['tls', 'client_key'],
]
const EMBEDDED = OF_UPSTREAM.map((place) => ['upstream', ...place])

const PLACES: Partial<Record<ResourceKind, readonly Place[]>> = {
  secrets: [['ca']],
  ssls: [['cert'], ['key'], ['certs', '*'], ['keys', '*'], ['client', 'ca']],
  upstreams: OF_UPSTREAM,
  services: EMBEDDED,
  routes: EMBEDDED,
  stream_routes: EMBEDDED,
}

type Fields = Readonly<Record<string, unknown>>

export interface ReferenceOptions {
  readonly environment: Environment
  readonly files: FileAccess
  /** What `$secret://…` stands for; left out: managers are not asked here, and nothing is said of what would depend on it. */
  readonly secrets?: SecretValues
}

/**
 * Puts the text in place of `$env://NAME`, `$file://PATH`, `$secret://…` and `{ file: PATH }`: where a resource holds certificates and keys,
 * and anywhere in the configuration of a plugin. What workers get is plain data, and a file with other content is a change of the
 * resource as any other.
 */
export class ResourceReferences {
  /** Absolute paths of the files that were named, also of those that could not be read. */
  readonly files = new Set<string>()
  private readonly options: ReferenceOptions
  private readonly findings: Findings
  /** Secrets that are not known. */
  readonly unread: WantedSecret[] = []
  /** Secrets that are in what was resolved, and those that could not be. */
  readonly secrets: WantedSecret[] = []
  /** Places of secrets that could not be read. */
  readonly unreadable = new Set<string>()
  /** Places of references that stand as they were written. */
  private readonly untouched: string[] = []
  /** The secret manager of an id, as it is after the change at hand. */
  private readonly manager: (id: string) => Secret | undefined
  /** What was written, by the JSON Pointer of the place. */
  private readonly written = new Map<string, string>()
  /** What the resource at hand refers to. */
  private sources: string[] = []

  constructor(
    options: ReferenceOptions,
    findings: Findings,
    manager: (id: string) => Secret | undefined = () => undefined,
  ) {
    this.options = options
    this.manager = manager
    this.findings = findings
  }

  /** The entry itself when there is nothing to resolve; undefined when something could not be, which is a finding then. */
  resolve(entry: Entry): Entry | undefined {
    const before = this.findings.list.length
    this.sources = []
    let item: unknown = entry.item
    for (const place of PLACES[entry.kind] ?? []) item = this.replace(item, place, entry.path)
    const whole = entry.kind === 'plugin_metadata' || entry.kind === 'secrets'
    item = whole ? this.all(item, entry.path) : this.plugins(item as Item, entry.path)
    if (this.findings.list.length > before) return undefined
    if (item === entry.item && this.sources.length === 0) return entry
    return { ...entry, item: item as Fields, sources: this.sources }
  }

  /** Findings show what is written, never what a reference stands for: that may be a secret. */
  mask(): void {
    this.dropUnknowable()
    if (this.written.size === 0) return
    for (const [index, finding] of this.findings.list.entries()) {
      if (finding.value === undefined) continue
      const written = this.written.get(finding.path)
      // Remedies may repeat the value.
      if (written !== undefined)
        this.findings.list[index] = { ...finding, value: JSON.stringify(written), remedy: undefined }
      else if ([...this.written.keys()].some((path) => path.startsWith(`${finding.path}/`)))
        this.findings.list[index] = { ...finding, value: undefined }
    }
  }

  /** What was found where a secret would have to be known. */
  private dropUnknowable(): void {
    if (this.untouched.length === 0) return
    const { list } = this.findings
    const within = new Set(this.untouched)
    for (const path of this.untouched)
      for (let at = path.lastIndexOf('/'); path.indexOf('/', 1) < at; at = path.lastIndexOf('/', at - 1))
        within.add(path.slice(0, at))
    list.splice(0, list.length, ...list.filter(({ path }) => !within.has(path)))
  }

  /** Of the resource, and of the credentials of a consumer. */
  private plugins(item: Item, path: string): Item {
    let resolved = item
    for (const field of ['plugins', 'credentials']) {
      const part = item[field]
      const replaced = part === undefined ? part : this.all(part, `${path}/${field}`)
      if (replaced !== part) resolved = { ...resolved, [field]: replaced }
    }
    return resolved
  }

  /** The value itself where nothing within is a reference. */
  private all(value: unknown, path: string): unknown {
    if (typeof value === 'string') return isReference(value) ? this.text(value, path, false) : value
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) {
      const items = value.map((item, index) => this.all(item, `${path}/${index}`))
      return items.some((item, index) => item !== value[index]) ? items : value
    }
    let copy: Record<string, unknown> | undefined
    for (const [key, part] of Object.entries(value)) {
      const replaced = this.all(part, `${path}/${pointerPart(key)}`)
      if (replaced !== part) (copy ??= { ...value })[key] = replaced
    }
    return copy ?? value
  }

  private replace(value: unknown, [key, ...rest]: Place, path: string): unknown {
    if (key === undefined) return this.pem(value, path)
    if (key === '*') return (value as unknown[]).map((item, index) => this.replace(item, rest, `${path}/${index}`))
    if (value === null || typeof value !== 'object') return value
    const part = (value as Fields)[key]
    if (part === undefined) return value
    const replaced = this.replace(part, rest, `${path}/${key}`)
    return replaced === part ? value : { ...value, [key]: replaced }
  }

  private pem(written: unknown, path: string): unknown {
    if (typeof written === 'string') return isReference(written) ? this.text(written, path, true) : written
    const { file } = written as { file: string }
    return this.take(this.read(file), file, `${path}/file`)
  }

  /** @param whole a line break at the end of a file belongs to the text */
  private text(written: string, path: string, whole: boolean): string {
    let resolved: Resolved
    if (written.startsWith(ENV_PREFIX)) {
      resolved = readVariable(written, this.options.environment)
    } else if (written.startsWith(FILE_PREFIX)) {
      resolved = this.read(written.slice(FILE_PREFIX.length))
      if (!whole && 'text' in resolved) resolved = { text: resolved.text.replace(/\r?\n$/, '') }
    } else {
      return this.secret(written, path)
    }
    return this.take(resolved, written, path)
  }

  private secret(written: string, path: string): string {
    const reference = parseSecretReference(written)
    if (typeof reference === 'string') {
      const remedy = 'write $secret://MANAGER/NAME/PATH/FIELD, as in $secret://vault/1/jack/key'
      return this.take({ message: reference, remedy }, written, path)
    }
    if (path.startsWith('/secrets/')) {
      const message = 'a secret manager cannot be read from one'
      return this.take({ message, remedy: 'write $env://NAME or $file://PATH' }, written, path)
    }
    const { manager: id } = reference
    if (managerOf(id) === undefined) {
      const message = `there is no kind of secret manager "${id.split('/')[0]}"`
      return this.take({ message, remedy: `there are ${SECRET_MANAGERS.join(', ')}` }, written, path)
    }
    this.sources.push(written)
    const manager = this.manager(id)
    if (manager === undefined)
      return this.take({ message: `there is no secret manager "${id}"`, remedy: 'add it to "secrets"' }, written, path)
    const { secrets } = this.options
    if (secrets === undefined) {
      this.untouched.push(path)
      return written
    }
    const wanted = { reference: written, manager }
    this.secrets.push(wanted)
    const known = secrets.get(wanted)
    if (known === undefined || !('text' in known)) {
      this.unread.push(wanted)
      this.unreadable.add(path)
    }
    return this.take(known ?? NOT_READ, written, path)
  }

  private read(name: string): Resolved {
    const { file, resolved } = readReferenced(name, this.options.files)
    this.files.add(file)
    this.sources.push(file)
    return resolved
  }

  private take(resolved: Resolved, written: string, path: string): string {
    if ('text' in resolved) {
      this.written.set(path, written)
      return resolved.text
    }
    this.findings.add({ path, value: JSON.stringify(written), ...resolved })
    return written
  }
}

const isReference = (text: string): boolean =>
  text.charCodeAt(0) === 0x24 &&
  (text.startsWith(ENV_PREFIX) || text.startsWith(FILE_PREFIX) || text.startsWith(SECRET_PREFIX))

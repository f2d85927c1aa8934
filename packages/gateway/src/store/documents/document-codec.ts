import { type Finding, pointerPart } from '../../config/problem.ts'
import { hasPassword, secretRule, type SecretRule } from '../../config/secret-fields.ts'
import type { PluginLookup } from '../../config/plugin-lookup.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import { documentKey } from './document-key.ts'
import { ENCRYPTED_PREFIX, type KeyRing } from './key-ring.ts'
import { readDocument, type ReadDocument } from './read-document.ts'

type Fields = Readonly<Record<string, unknown>>

/** Documents as texts in a store, with what is secret in them encrypted. */
export class DocumentCodec {
  private readonly plugins: PluginLookup
  private readonly keyRing: KeyRing | undefined

  /** @param keyRing undefined: nothing is encrypted */
  constructor(plugins: PluginLookup, keyRing: KeyRing | undefined) {
    this.plugins = plugins
    this.keyRing = keyRing
  }

  /** Which fields of a resource hold secrets. */
  secretsOf(kind: ResourceKind): SecretRule {
    return secretRule(kind, this.plugins)
  }

  encode(kind: ResourceKind, id: string, value: Fields): string {
    if (this.keyRing === undefined) return JSON.stringify(value)
    return JSON.stringify(this.encrypted(value, [], this.secretsOf(kind), documentKey(kind, id)))
  }

  decode(kind: ResourceKind, id: string, text: string): ReadDocument {
    const path = `/${kind}/${pointerPart(id)}`
    const read = readDocument(text, path)
    if ('problem' in read || !text.includes(ENCRYPTED_PREFIX)) return read
    const problems: Finding[] = []
    const value = this.decrypted(read.value, path, documentKey(kind, id), problems) as Fields
    return problems[0] === undefined ? { value } : { problem: problems[0] }
  }

  /** A value in which what came back encrypted, as it was shown once, is readable again. */
  plain(kind: ResourceKind, id: string, value: Fields): Fields {
    if (this.keyRing === undefined) return value
    return this.decrypted(value, '', documentKey(kind, id), []) as Fields
  }

  /** A text of the store as people may read it; as it is when it cannot be decrypted. */
  readable(kind: ResourceKind, id: string, text: string): string {
    if (!text.includes(ENCRYPTED_PREFIX)) return text
    const read = this.decode(kind, id, text)
    return 'problem' in read ? text : JSON.stringify(read.value)
  }

  private encrypted(value: unknown, path: readonly string[], isSecret: SecretRule, context: string): unknown {
    if (typeof value === 'string')
      return (isSecret(path) || hasPassword(value)) && !isReference(value)
        ? this.keyRing!.encrypt(value, context)
        : value
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map((part) => this.encrypted(part, path, isSecret, context))
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, this.encrypted(part, [...path, name], isSecret, context)]),
    )
  }

  private decrypted(value: unknown, path: string, context: string, problems: Finding[]): unknown {
    if (typeof value === 'string') {
      if (!value.startsWith(ENCRYPTED_PREFIX)) return value
      const text = this.keyRing?.decrypt(value, context)
      if (text !== undefined) return text
      problems.push({
        path,
        message: 'is encrypted with a key that is not in "data_encryption"',
        remedy: 'add the key that it was written with to "keyring"',
      })
      return value
    }
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value))
      return value.map((part, index) => this.decrypted(part, `${path}/${index}`, context, problems))
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [
        name,
        this.decrypted(part, `${path}/${pointerPart(name)}`, context, problems),
      ]),
    )
  }
}

/** References say where a secret is, and are none. */
const isReference = (text: string): boolean => /^\$(env|file|secret):\/\//.test(text)

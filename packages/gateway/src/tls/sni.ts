import type { Ssl } from '../resources/ssl.ts'

/** Every name that has no other certificate, also no name at all. */
const ANY_NAME = '*'

/** The names of an ssl resource, in lower case. */
export const namesOf = ({ sni, snis }: Pick<Ssl, 'sni' | 'snis'>): string[] =>
  (snis ?? (sni === undefined ? [] : [sni])).map((name) => name.toLowerCase())

/** Serves clients: not switched off, and not meant for upstreams. */
export const isServer = ({ type, status }: Pick<Ssl, 'type' | 'status'>): boolean => type !== 'client' && status !== 0

/**
 * Finds what is registered for a host name: the exact name before the wildcard (`*.example.com`, one label in place of the star) before `*`.
 * Two look-ups, whatever the number of names.
 */
export class SniTable<T> {
  private readonly exact = new Map<string, T>()
  /** By what follows the star: `.example.com`. */
  private readonly wildcards = new Map<string, T>()
  private any: T | undefined = undefined

  /** @param name as `namesOf` gives it; takes the name from whoever had it */
  set(name: string, value: T): void {
    if (name === ANY_NAME) this.any = value
    else if (name.startsWith('*.')) this.wildcards.set(name.slice(1), value)
    else this.exact.set(name, value)
  }

  /** Gives a name back, if it is still `value`'s. */
  remove(name: string, value: T): void {
    if (name === ANY_NAME) this.any = this.any === value ? undefined : this.any
    else if (name.startsWith('*.')) removeFrom(this.wildcards, name.slice(1), value)
    else removeFrom(this.exact, name, value)
  }

  /** @param name lower case; '' finds what is registered for every name */
  find(name: string): T | undefined {
    const exact = this.exact.get(name)
    if (exact !== undefined) return exact
    if (this.wildcards.size > 0) {
      const dot = name.indexOf('.')
      // A dot in front leaves no label for the star.
      const found = dot > 0 ? this.wildcards.get(name.slice(dot)) : undefined
      if (found !== undefined) return found
    }
    return this.any
  }
}

function removeFrom<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.get(key) === value) map.delete(key)
}

import type { Headers } from '@sekisho/wire'

const escaped = (name: string): string => name.replace(/[.*+?^${}()|]/g, '\\$&')

/**
 * Fields of the request that only the gateway may write: what a client sent under their names is taken away. To CGI and its kin
 * `X_Userinfo` is the same field as `X-Userinfo`, `HTTP_X_USERINFO`, and goes as well.
 */
export class ForgedFields {
  private readonly names: readonly string[]
  /** Whether a block has one with `_`: few have, and then their fields are looked at one by one. */
  private readonly lookalike: RegExp

  constructor(names: readonly string[]) {
    this.names = names.map((name) => name.toLowerCase().replaceAll('_', '-'))
    const patterns = this.names.map((name) => escaped(name).replaceAll('-', '[-_]'))
    this.lookalike = new RegExp(`^(?:${patterns.join('|')})[ \\t]*:`, 'im')
  }

  drop(headers: Headers): void {
    for (const name of this.names) headers.delete(name)
    const { block } = headers
    if (!block.includes('_') || !this.lookalike.test(block)) return
    for (const [name] of [...headers])
      if (this.names.includes(name.toLowerCase().replaceAll('_', '-'))) headers.delete(name)
  }
}

/** Media types as `binary_media_types` has them: `image/png`, `image/*`, or `*` + `/*` for all. */
export class MediaTypes {
  /** Every body is binary. */
  readonly all: boolean
  private readonly exact: ReadonlySet<string>
  /** `image/` */
  private readonly prefixes: readonly string[]

  constructor(types: readonly string[]) {
    const lower = types.map((type) => type.toLowerCase())
    this.all = lower.includes('*/*')
    this.exact = new Set(lower)
    this.prefixes = lower.filter((type) => type.endsWith('/*') && type !== '*/*').map((type) => type.slice(0, -1))
  }

  /** Whether a Content-Type is one of them; its parameters do not count. */
  has(contentType: string | undefined): boolean {
    if (this.all) return true
    if (contentType === undefined || this.exact.size === 0) return false
    const type = mediaTypeOf(contentType)
    return this.exact.has(type) || this.prefixes.some((prefix) => type.startsWith(prefix))
  }
}

/** `Text/HTML; charset=utf-8` to `text/html` */
export const mediaTypeOf = (contentType: string): string => contentType.split(';', 1)[0].trim().toLowerCase()

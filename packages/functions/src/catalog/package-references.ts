import type { CatalogContext } from './catalog-context.ts'
import type { VersionRecord } from './records/function-record.ts'

/** Longer than the longest invocation (15 minutes) after two collections in a row (10 minutes): nothing runs from it any more. */
export const KEEP_MS = 30 * 60_000

/** Who refers to which package, and removal of those that nobody does. */
export class PackageReferences {
  readonly #context: CatalogContext
  /** When something was last seen to be in use, by what. */
  readonly #packages = new Map<string, number>()
  readonly #images = new Map<string, number>()
  readonly #layers = new Map<string, { readonly layers: readonly string[]; readonly at: number }>()

  constructor(context: CatalogContext) {
    this.#context = context
    const { records } = context
    records.functions.onChange((_, __, before) => before !== undefined && this.#see(before.latest))
    records.versions.onChange((_, __, before) => before !== undefined && this.#see(before))
    records.layers.onChange(
      (_, __, before) => before !== undefined && this.#packages.set(before.code.sha256, context.now()),
    )
  }

  /** Removes packages that nobody has referred to for half an hour. Rejects where the store is away. @returns how many things */
  async collect(): Promise<number> {
    const { records, packages, images, now } = this.#context
    // What other nodes have deployed since is not known where the store is away: their packages would be nobody's.
    await records.reach()
    for (const { latest } of records.functions.values()) this.#see(latest)
    for (const version of records.versions.values()) this.#see(version)
    for (const { code } of records.layers.values()) this.#packages.set(code.sha256, now())
    const oldest = now() - KEEP_MS
    for (const [name, at] of this.#packages) if (at < oldest) this.#packages.delete(name)
    for (const [name, at] of this.#images) if (at < oldest) this.#images.delete(name)
    for (const [name, { at }] of this.#layers) if (at < oldest) this.#layers.delete(name)
    const combinations = [...this.#layers.values()].map(({ layers }) => layers)
    return (
      (await packages.collect(new Set(this.#packages.keys()), combinations)) +
      (await images.collect(new Set(this.#images.keys())))
    )
  }

  #see({ code, nextCode, configuration }: VersionRecord): void {
    const at = this.#context.now()
    if (code.kind === 'zip') this.#packages.set(code.sha256, at)
    for (const image of [code, nextCode])
      if (image?.kind === 'image' && image.digest !== undefined) this.#images.set(image.digest, at)
    const layers = configuration.layers.map(({ sha256 }) => sha256)
    for (const layer of layers) this.#packages.set(layer, at)
    if (layers.length > 1) this.#layers.set(layers.join('/'), { layers, at })
  }
}

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { PlaceName } from './facts.ts'

/** Reasons by option, or by `option = VALUE`; one that ends in `*` stands for all that begin so. */
type Reasons = Readonly<Record<string, string>>

interface Known {
  /** Refused here, and why. */
  readonly refused?: Partial<Record<PlaceName, Reasons>>
  /** Another default here, and why. */
  readonly defaults?: Partial<Record<PlaceName, Reasons>>
  /** Another default here that the importer says nothing of, and why. */
  readonly untold?: Partial<Record<PlaceName, Reasons>>
}

/** By plugin; `any` stands for all. */
const KNOWN = parse(readFileSync(new URL('known.yaml', import.meta.url), 'utf8')) as Readonly<Record<string, Known>>

/** Reasons that nothing asked for. */
const unused = new Set<string>(
  Object.entries(KNOWN).flatMap(([plugin, known]) =>
    (['refused', 'defaults', 'untold'] as const).flatMap((list) =>
      Object.entries(known[list] ?? {}).flatMap(([place, reasons]) =>
        Object.keys(reasons).map((option) => `${plugin} ${list} ${place} ${option}`),
      ),
    ),
  ),
)

function reasonFor(list: keyof Known, plugin: string, place: PlaceName, names: readonly string[]): string | undefined {
  for (const owner of [plugin, 'any'])
    for (const [option, reason] of Object.entries(KNOWN[owner]?.[list]?.[place] ?? {})) {
      const found = option.endsWith('*')
        ? names.some((name) => name.startsWith(option.slice(0, -1)))
        : names.includes(option)
      if (!found) continue
      unused.delete(`${owner} ${list} ${place} ${option}`)
      return reason
    }
  return undefined
}

/** Why a value of an option is refused here. */
export const reasonToRefuse = (plugin: string, place: PlaceName, option: string, value: unknown): string | undefined =>
  reasonFor('refused', plugin, place, [
    option,
    `${option} = ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ])

/** Why an option has another default here. */
export const reasonToDiffer = (plugin: string, place: PlaceName, option: string): string | undefined =>
  reasonFor('defaults', plugin, place, [option])

/** Why the importer says nothing of another default. */
export const reasonToSayNothing = (plugin: string, place: PlaceName, option: string): boolean =>
  reasonFor('untold', plugin, place, [option]) !== undefined

/** Reasons of these lists that nothing asked for: they are of yesterday. */
export const unusedReasons = (...lists: readonly (keyof Known)[]): string[] =>
  [...unused].filter((name) => lists.includes(name.split(' ')[1] as keyof Known))

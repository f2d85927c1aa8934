import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Examples } from './configurations.ts'
import type { PlaceName } from './facts.ts'

const folder = new URL('examples/', import.meta.url)

/** By plugin (`any` stands for all), then by place. */
const EXAMPLES: Readonly<Record<string, Partial<Record<PlaceName, Examples>>>> = Object.assign(
  {},
  ...readdirSync(folder).map((name) => parse(readFileSync(new URL(name, folder), 'utf8')) as object),
)

export function examplesOf(plugin: string, place: PlaceName): Examples {
  const own = EXAMPLES[plugin]?.[place]
  return { ...own, values: { ...EXAMPLES['any']?.[place]?.values, ...own?.values } }
}

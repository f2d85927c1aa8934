import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Examples } from './configurations.ts'
import type { PlaceName } from './facts.ts'

/** By plugin (`any` stands for all), then by place. */
const EXAMPLES = parse(readFileSync(new URL('examples.yaml', import.meta.url), 'utf8')) as Readonly<
  Record<string, Partial<Record<PlaceName, Examples>>>
>

export function examplesOf(plugin: string, place: PlaceName): Examples {
  const own = EXAMPLES[plugin]?.[place]
  return { ...own, values: { ...EXAMPLES['any']?.[place]?.values, ...own?.values } }
}

import { type Fact, type Facts, optionParts, within } from './facts.ts'

/** What facts cannot say: configurations that are whole, and values that mean something. */
export interface Examples {
  /** Whole configurations that are tried as well. */
  readonly more?: readonly Fields[]
  /** The first whose `for` (a regular expression) finds the option is what the option is tried in. Without `for`: all. */
  readonly bases?: readonly { readonly for?: string; readonly config: Fields }[]
  /** By option, values that mean something, the first for any use. An empty list: the option is not tried by itself. */
  readonly values?: Readonly<Record<string, readonly unknown[]>>
}

type Fields = Record<string, unknown>

/** A configuration that tries one value of one option. */
export interface Trial {
  /** '' = the least that a configuration has. */
  readonly option: string
  readonly value: unknown
  readonly config: Fields
}

/** The name of what stands in a map. */
const NAME = 'name'

/** The least, then each option at its default, each value of its list, and its bounds. */
export function trialsOf(facts: Facts, examples: Examples): Trial[] {
  const whole = (config: Fields): Fields => complete(facts, examples, '', config)
  const trials = [base(examples, ''), ...structuredClone(examples.more ?? [])].map((config): Trial => ({
    option: '',
    value: undefined,
    config: whole(config as Fields),
  }))
  for (const [option, fact] of Object.entries(facts))
    for (const value of valuesOf(facts, examples, option, fact)) {
      const config = base(examples, option)
      put(config, optionParts(option), value)
      trials.push({ option, value, config: whole(config) })
    }
  return trials
}

/** A configuration that has what an option stands in, and leaves the option out. */
export function leastWith(facts: Facts, examples: Examples, option: string): Fields {
  const config = base(examples, option)
  const parts = optionParts(option)
  put(config, parts, undefined)
  let parent: unknown = config
  for (const part of parts.slice(0, -1)) parent = (parent as Fields)[part === '[]' ? '0' : part]
  delete (parent as Fields)[parts.at(-1)!]
  return complete(facts, examples, '', config)
}

const base = ({ bases = [] }: Examples, option: string): Fields =>
  structuredClone(bases.find((one) => one.for === undefined || new RegExp(one.for).test(option))?.config ?? {})

function valuesOf(facts: Facts, examples: Examples, option: string, fact: Fact): unknown[] {
  const given = examples.values?.[option]
  if (given?.length === 0) return []
  const { default: byDefault, enum: list = [] } = fact
  const types = [fact.type ?? []].flat()
  const values = [...(given ?? []), ...list]
  if (byDefault !== undefined) values.push(byDefault)
  if (types.includes('boolean')) values.push(true, false)
  if (list.length === 0 && (types.includes('integer') || types.includes('number'))) values.push(...numbers(fact))
  if (list.length === 0 && given === undefined && types.includes('string')) values.push(...texts(fact))
  if (types.includes('array') && (fact.minItems ?? 0) === 0 && !option.endsWith('[]')) values.push([])
  values.push(sample(facts, examples, option, fact))
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()]
}

const numbers = ({ min, max, above, below }: Fact): number[] =>
  [min, max, above === undefined ? undefined : above + 1, below === undefined ? undefined : below - 1].filter(
    (one) => one !== undefined,
  )

const texts = ({ minLength, maxLength, default: byDefault }: Fact): string[] => [
  ...(minLength === undefined && byDefault !== undefined ? [] : ['a'.repeat(Math.max(minLength ?? 1, 1))]),
  ...(maxLength === undefined ? [] : ['a'.repeat(maxLength)]),
]

/** Something that may stand there. */
function sample(facts: Facts, examples: Examples, option: string, fact: Fact): unknown {
  const [example] = examples.values?.[option] ?? []
  if (example !== undefined) return example
  if (fact.default !== undefined) return fact.default
  if (fact.enum !== undefined) return fact.enum[0]
  const [type] = [fact.type ?? []].flat()
  switch (type) {
    case 'boolean':
      return true
    case 'integer':
    case 'number':
      return numbers(fact)[0] ?? 1
    case 'array': {
      const item = facts[`${option}[]`]
      const count = Math.max(1, fact.minItems ?? 1)
      return item === undefined ? [] : Array.from({ length: count }, () => sample(facts, examples, `${option}[]`, item))
    }
    case 'object': {
      const value = facts[`${option}.<name>`]
      const filled = value === undefined ? {} : { [NAME]: sample(facts, examples, `${option}.<name>`, value) }
      return complete(facts, examples, option, filled)
    }
    default:
      return texts(fact)[0] ?? 'a'
  }
}

/** Puts a value into a configuration, and what it stands in. */
function put(config: Fields, parts: readonly string[], value: unknown): void {
  let parent: Fields | unknown[] = config
  for (const [at, part] of parts.entries()) {
    const key = part === '[]' ? '0' : part === '<name>' ? NAME : part
    const fields = parent as Fields
    if (at === parts.length - 1) {
      fields[key] = value
      return
    }
    const wanted: Fields | unknown[] = parts[at + 1] === '[]' ? [] : {}
    const there: unknown = fields[key]
    const fits = typeof there === 'object' && there !== null && Array.isArray(there) === Array.isArray(wanted)
    if (!fits) fields[key] = wanted
    parent = fields[key] as Fields
  }
}

/** Adds what is required. */
function complete(facts: Facts, examples: Examples, option: string, value: Fields): Fields {
  for (const [name, fact] of Object.entries(within(facts, option))) {
    const key = optionParts(name).at(-1)!
    if (key === '[]' || key === '<name>') continue
    if (value[key] === undefined && fact.required === true) value[key] = sample(facts, examples, name, fact)
    const there = value[key]
    const items: readonly unknown[] = Array.isArray(there) ? there : []
    for (const item of items) if (isFields(item)) complete(facts, examples, `${name}[]`, item)
    if (isFields(there)) complete(facts, examples, name, there)
  }
  return value
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

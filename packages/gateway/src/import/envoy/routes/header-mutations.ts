import type { Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'
import { convertFormat } from './format-operators.ts'

/** Changes of a head that are made one after the other, brought into ours: add, then set, then remove. */
class Mutations {
  readonly add = new Map<string, string[]>()
  readonly set = new Map<string, string[]>()
  readonly removed = new Set<string>()

  remove(name: string): void {
    this.add.delete(name)
    this.set.delete(name)
    this.removed.add(name)
  }

  overwrite(name: string, value: string): void {
    this.remove(name)
    this.removed.delete(name)
    this.set.set(name, [value])
  }

  append(name: string, value: string): void {
    const values = this.set.get(name) ?? this.add.get(name)
    if (values !== undefined) values.push(value)
    else if (this.removed.has(name)) this.overwrite(name, value)
    else this.add.set(name, [value])
  }
}

/**
 * The mutations of the levels of a route, the most specific first, as Envoy makes them: what the level removes goes
 * before what it adds.
 */
function readMutations(levels: readonly Message[], head: 'request' | 'response'): Mutations {
  const mutations = new Mutations()
  for (const level of levels) {
    for (const name of level.strings(`${head}_headers_to_remove`)) mutations.remove(name.toLowerCase())
    for (const option of level.messages(`${head}_headers_to_add`)) apply(option, mutations)
  }
  return mutations
}

function apply(option: Message, mutations: Mutations): void {
  const header = option.message('header')
  const name = header?.string('key')
  const value = header?.string('value') ?? ''
  option.ignore('keep_empty_value')
  if (header === undefined || name === undefined) return
  if (name.startsWith(':') || name.toLowerCase() === 'host') return header.loseAll('use host_rewrite_literal')
  if (header.has('raw_value')) return header.loseAll('write the value as text')
  const { text, missing } = convertFormat(value, '\\$')
  if (missing.length > 0) return header.loseAll(`there is no variable for ${missing.join(', ')}`)
  const action = option.enumeration('append_action')
  switch (action ?? (option.boolean('append') === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : 'APPEND_IF_EXISTS_OR_ADD')) {
    case 'OVERWRITE_IF_EXISTS_OR_ADD':
      return mutations.overwrite(name.toLowerCase(), text)
    case 'APPEND_IF_EXISTS_OR_ADD':
      return mutations.append(name.toLowerCase(), text)
    default:
      return option.loseAll('headers are added or replaced here whether or not they exist')
  }
}

const single = (values: readonly string[]): string | readonly string[] => (values.length === 1 ? values[0] : values)

/** `headers` of proxy-rewrite; undefined when nothing changes. */
export function requestHeaders(levels: readonly Message[]): Fields | undefined {
  const { add, set, removed } = readMutations(levels, 'request')
  const fields: Fields = {}
  if (add.size > 0) fields['add'] = Object.fromEntries([...add].map(([name, values]) => [name, single(values)]))
  if (set.size > 0) fields['set'] = Object.fromEntries([...set].map(([name, values]) => [name, single(values)]))
  if (removed.size > 0) fields['remove'] = [...removed]
  return Object.keys(fields).length === 0 ? undefined : fields
}

/** `headers` of response-rewrite; undefined when nothing changes. */
export function responseHeaders(levels: readonly Message[]): Fields | undefined {
  const { add, set, removed } = readMutations(levels, 'response')
  const lines = [...add].flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))
  const fields: Fields = {}
  if (lines.length > 0) fields['add'] = lines
  // There is one value for a field that is set here; several make one list, as in a message with several lines.
  if (set.size > 0) fields['set'] = Object.fromEntries([...set].map(([name, values]) => [name, values.join(', ')]))
  if (removed.size > 0) fields['remove'] = [...removed]
  return Object.keys(fields).length === 0 ? undefined : fields
}

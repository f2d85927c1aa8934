/** The keywords of JSON Schema that the schemas of plugins use. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly allOf?: readonly SchemaNode[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode | boolean
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>
  readonly items?: SchemaNode | readonly SchemaNode[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly patternErrorMessage?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly errorMessage?: string
}

/** One option, as a row of a table. */
export interface OptionRow {
  /** Dotted: `headers.set`; `rules[].count` in the items of a list, `headers.<name>` in a map. */
  readonly name: string
  readonly type: string
  /** Within what it stands in. */
  readonly required: boolean
  /** Its default; undefined = none. */
  readonly fallback: unknown
  readonly bounds: readonly string[]
  readonly description: string
}

/** Every option of an object's schema, nested ones behind what they stand in; alternatives one after the other. */
export function optionRows(schema: SchemaNode): OptionRow[] {
  const rows = new Map<string, OptionRow>()
  collect(schema, '', rows)
  return [...rows.values()]
}

/** Rules between options that have words of their own. */
export function schemaRules(schema: SchemaNode): string[] {
  const rules: string[] = []
  for (const part of [schema, ...(schema.allOf ?? [])])
    if (part.errorMessage !== undefined) rules.push(part.errorMessage)
  for (const [name, needed] of Object.entries(schema.dependentRequired ?? {})) {
    rules.push(`\`${name}\` without ${needed.map((other) => `\`${other}\``).join(' and ')}`)
  }
  for (const child of childrenOf(schema, '')) rules.push(...schemaRules(child.node))
  return [...new Set(rules)]
}

interface Child {
  readonly name: string
  readonly node: SchemaNode
  readonly required: boolean
  /**
   * A place with a name of its own, which gets a row; items, values and alternatives are part of what they stand in.
   */
  readonly named: boolean
}

function collect(node: SchemaNode, name: string, rows: Map<string, OptionRow>): void {
  for (const child of childrenOf(node, name)) {
    // The first alternative that has an option describes it.
    if (child.named && !rows.has(child.name)) rows.set(child.name, rowOf(child))
    collect(child.node, child.name, rows)
  }
}

function childrenOf(node: SchemaNode, name: string): Child[] {
  const children: Child[] = []
  const prefix = name === '' ? '' : `${name}.`
  const part = (at: string, child: SchemaNode): void => {
    children.push({ name: at, node: child, required: false, named: false })
  }
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    children.push({ name: prefix + key, node: child, required: node.required?.includes(key) ?? false, named: true })
  }
  for (const child of valuesOf(node)) part(`${prefix}<name>`, child)
  for (const child of itemsOf(node)) part(`${name}[]`, child)
  for (const child of [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])]) part(name, child)
  return children
}

function rowOf({ name, node, required }: Child): OptionRow {
  return {
    name,
    type: typeOf(node),
    required,
    fallback: node.default,
    bounds: boundsOf(node),
    description: node.description ?? '',
  }
}

function valuesOf({ patternProperties, additionalProperties }: SchemaNode): SchemaNode[] {
  const values = Object.values(patternProperties ?? {})
  if (typeof additionalProperties === 'object') values.push(additionalProperties)
  return values
}

const itemsOf = ({ items }: SchemaNode): readonly SchemaNode[] =>
  items === undefined ? [] : Array.isArray(items) ? (items as readonly SchemaNode[]) : [items as SchemaNode]

/** In words: `list of strings` would need grammar, `list of string` does not. */
function typeOf(node: SchemaNode): string {
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives !== undefined && node.type === undefined) return words(alternatives.map(typeOf))
  if (node.const !== undefined) return code(JSON.stringify(node.const))
  if (node.enum !== undefined) return words(node.enum.map((value) => typeof value))
  if (node.type === 'array') {
    const items = words(itemsOf(node).map(typeOf))
    return items === '' || items === 'anything' ? 'list' : `list of ${items}`
  }
  if (node.type === 'object' && node.properties === undefined) {
    const values = words(valuesOf(node).map(typeOf))
    return values === '' || values === 'anything' ? 'map' : `map of ${values}`
  }
  if (node.type === undefined) return 'anything'
  return typeof node.type === 'string' ? node.type : words(node.type)
}

const words = (types: readonly string[]): string => [...new Set(types)].join(' or ')

function boundsOf(node: SchemaNode): string[] {
  const bounds: string[] = []
  const add = (bound: unknown, text: string): void => {
    if (bound !== undefined) bounds.push(text)
  }
  add(node.enum, `one of ${(node.enum ?? []).map((value) => code(String(value))).join(', ')}`)
  add(node.minimum, `at least ${node.minimum}`)
  add(node.exclusiveMinimum, `more than ${node.exclusiveMinimum}`)
  add(node.maximum, `at most ${node.maximum}`)
  add(node.exclusiveMaximum, `less than ${node.exclusiveMaximum}`)
  add(node.multipleOf, `a multiple of ${node.multipleOf}`)
  add(node.minLength, `at least ${counted(node.minLength, 'character')}`)
  add(node.maxLength, `at most ${counted(node.maxLength, 'character')}`)
  add(node.pattern, node.patternErrorMessage ?? `matches ${code(node.pattern ?? '')}`)
  add(node.minItems, `at least ${counted(node.minItems, 'item')}`)
  add(node.maxItems, `at most ${counted(node.maxItems, 'item')}`)
  if (node.uniqueItems === true) bounds.push('no item twice')
  add(node.minProperties, `at least ${counted(node.minProperties, 'key')}`)
  add(node.maxProperties, `at most ${counted(node.maxProperties, 'key')}`)
  // What is said of the items of a plain list has no row of its own.
  for (const item of itemsOf(node)) for (const bound of boundsOf(item)) bounds.push(`each: ${bound}`)
  return bounds
}

const counted = (count: number | undefined, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`

/** Backticks around a text, which may have some itself. */
export const code = (text: string): string => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``)

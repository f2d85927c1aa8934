import { failed, type Problems, type RequiredShape, type Shape, wrongType } from './shape.ts'

export type Members = Readonly<Record<string, Shape<unknown>>>

/** What a structure gives: all members, undefined where they may be left out and were. */
export type StructureOf<M extends Members> = {
  readonly [K in keyof M]: M[K] extends RequiredShape<infer T> ? T : M[K] extends Shape<infer U> ? U | undefined : never
}

/** Members that are not named here are ignored, as AWS does: SDKs may be newer than this. */
export function structure<const M extends Members>(members: M): Shape<StructureOf<M>> {
  const all = Object.entries(members)
  return {
    type: 'a structure',
    violations: () => [],
    read(value, at, problems) {
      if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, 'a structure')
      const given = value as Record<string, unknown>
      const read: Record<string, unknown> = {}
      for (const [name, shape] of all) {
        const path = at === '' ? memberName(name) : `${at}.${memberName(name)}`
        const member = given[name] ?? undefined
        if (member !== undefined) read[name] = shape.read(member, path, problems)
        else {
          read[name] = undefined
          if (shape.required === true) problems.push(failed('null', path, 'Member must not be null'))
        }
      }
      return read as StructureOf<M>
    },
  }
}

export function list<T>(
  member: Shape<T>,
  { min, max }: { readonly min?: number; readonly max?: number } = {},
): Shape<readonly T[]> {
  return {
    type: 'a list',
    violations: () => [],
    read(value, at, problems) {
      if (!Array.isArray(value)) throw wrongType(value, 'a list')
      const shown = `'[${value.join(', ')}]'`
      if (max !== undefined && value.length > max)
        problems.push(failed(shown, at, `Member must have length less than or equal to ${max}`))
      if (min !== undefined && value.length < min)
        problems.push(failed(shown, at, `Member must have length greater than or equal to ${min}`))
      const found: Problems = []
      const items = value.map((item: unknown, index) => {
        if (item === null) found.push('')
        return item === null ? (undefined as T) : member.read(item, `${at}.${index + 1}.member`, found)
      })
      // AWS names all constraints of the member when one does not hold.
      const constraints = items.flatMap((item) => (item === undefined ? [] : member.violations(item)))
      if (found.length > 0 && (constraints.length > 0 || items.includes(undefined as T)))
        problems.push(
          failed(
            shown,
            at,
            `Member must satisfy constraint: [${[...constraints.slice(0, 1), 'Member must not be null'].join(', ')}]`,
          ),
        )
      else problems.push(...found)
      return items
    },
  }
}

export interface MapConstraints {
  readonly key?: Shape<string>
  /** Errors do not show what is in it. */
  readonly sensitive?: boolean
}

export function map<T>(member: Shape<T>, { key, sensitive }: MapConstraints = {}): Shape<Readonly<Record<string, T>>> {
  return {
    type: 'a map',
    violations: () => [],
    read(value, at, problems) {
      if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, 'a map')
      const entries = Object.entries(value as Record<string, unknown>).filter(([, item]) => item !== null)
      const all = entries.map(([name, item]) => `${name}=${String(item)}`).join(', ')
      const shown = sensitive === true ? '' : `'{${all}}' `
      const read: [string, T][] = []
      for (const [name, item] of entries) {
        const wrong = key?.violations(name) ?? []
        if (wrong.length > 0)
          problems.push(
            mapFailed(shown, at, `Map keys must satisfy constraint: [${wrong.join(', ')}, Member must not be null]`),
          )
        const ignored: Problems = []
        const content = member.read(item, at, ignored)
        const violations = member.violations(content)
        if (violations.length > 0)
          problems.push(
            mapFailed(
              shown,
              at,
              `Map value must satisfy constraint: [${violations.join(', ')}, Member must not be null]`,
            ),
          )
        read.push([name, content])
      }
      return Object.fromEntries(read)
    },
  }
}

const mapFailed = (shown: string, at: string, constraint: string): string =>
  `Value ${shown}at '${at}' failed to satisfy constraint: ${constraint}`

/** `MemorySize` is `memorySize` in errors. */
const memberName = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

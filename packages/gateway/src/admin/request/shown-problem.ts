import { type ConfigProblem, shortPath } from '../../config/problem.ts'

/** A problem as the Admin API shows it. */
export interface ShownProblem {
  /** JSON Pointer: into the resource that was sent, or from `/kind/id` on for another one. */
  readonly path: string
  /** The value as short JSON text. */
  readonly value?: string
  readonly message: string
  readonly remedy?: string
  /** Where it stands in the body, counted from 1; only for whole documents. */
  readonly line?: number
  readonly column?: number
}

export function shownProblem(problem: ConfigProblem, within: string): ShownProblem {
  const { path, value, message, remedy, line, column } = problem
  const inside = within !== '' && (path === within || path.startsWith(`${within}/`))
  return {
    path: shortPath(inside ? path.slice(within.length) : path),
    ...(value === undefined ? {} : { value }),
    message,
    ...(remedy === undefined ? {} : { remedy }),
    ...(line === 0 ? {} : { line, column }),
  }
}

/** `/uri "hello": must start with "/"; write "/hello"` */
export function problemText({ path, value, message, remedy }: ShownProblem): string {
  const place = [path, value].filter((part) => part !== undefined && part !== '').join(' ')
  return `${place === '' ? '' : `${place}: `}${message}${remedy === undefined ? '' : `; ${remedy}`}`
}

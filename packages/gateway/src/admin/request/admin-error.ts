import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ConfigProblem, MAX_PROBLEMS } from '../../config/problem.ts'
import { problemText, type ShownProblem, shownProblem } from './shown-problem.ts'

/** What a request is answered with instead of what it asked for. Thrown anywhere in a handler, written out once, in `adminApp`. */
export class AdminError extends Error {
  readonly status: ContentfulStatusCode
  readonly problems: readonly ShownProblem[] | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: ContentfulStatusCode,
    message: string,
    more: { problems?: readonly ShownProblem[]; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.name = 'AdminError'
    this.status = status
    this.problems = more.problems
    this.headers = more.headers ?? {}
  }
}

/** 400 for a configuration that is wrong. `within`: the JSON Pointer of the one resource that was sent. */
export function invalid(problems: readonly ConfigProblem[], within = ''): AdminError {
  return refusedFor(problems.map((problem) => shownProblem(problem, within)))
}

export function refusedFor(shown: readonly ShownProblem[]): AdminError {
  const more = shown.length > 1 ? ` (and ${shown.length - 1} more: see "problems")` : ''
  const first = shown[0]
  return new AdminError(400, first === undefined ? 'the change is refused' : `${problemText(first)}${more}`, {
    problems: shown.slice(0, MAX_PROBLEMS),
  })
}

export const badRequest = (message: string): AdminError => new AdminError(400, message)

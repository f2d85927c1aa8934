import type { EchoedRequest } from '../../packages/gateway/src/testing/echo-upstream.ts'
import type { CurlAnswer } from './curl.ts'

/** What the comment behind a command says: `200, X-Id: 1, no upstream`. */
export interface Expectation {
  readonly status: number
  readonly parts: readonly Part[]
}

type Part =
  | {
      readonly kind: 'field' | 'upstream' | 'body'
      readonly not: boolean
      readonly name: string
      readonly text: string
    }
  | { readonly kind: 'no-upstream' }

/** undefined for a comment that is for readers. */
export function parseExpectation(comment: string): Expectation | undefined {
  const match = /^(\d{3})(?:,\s*(.*)|: .*)?$/.exec(comment.trim())
  if (match === null) return undefined
  const [, status, rest = ''] = match
  // A comma within a text is followed by something that is none of the forms.
  const parts =
    rest === '' ? [] : rest.split(/,\s+(?=(?:no )?(?:[A-Za-z][\w-]*:\s|upstream\b)|no [A-Za-z][\w-]*(?:,|$))/)
  return { status: Number(status), parts: parts.map(parsePart) }
}

function parsePart(written: string): Part {
  const part = written.trim()
  if (part === 'no upstream') return { kind: 'no-upstream' }
  const [, no, name = '', text] = /^(no )?([A-Za-z][\w-]*)(?::\s*(.*))?$/.exec(part) ?? []
  if (name === '' || (text === undefined && no === undefined)) throw new Error(`not an expectation: ${part}`)
  const kind = name === 'upstream' || name === 'body' ? name : 'field'
  return { kind, not: no !== undefined, name: name.toLowerCase(), text: text ?? '' }
}

/** What is not as expected; empty when all is. `asked`: what the upstream got meanwhile. */
export function differences(expected: Expectation, answer: CurlAnswer, asked: readonly EchoedRequest[]): string[] {
  const found: string[] = []
  if (answer.status !== expected.status) found.push(`the status is ${answer.status}, not ${expected.status}`)
  for (const part of expected.parts) {
    const problem = part.kind === 'no-upstream' ? notAsked(asked) : contained(part, answer, asked)
    if (problem !== undefined) found.push(problem)
  }
  return found
}

const notAsked = (asked: readonly EchoedRequest[]): string | undefined =>
  asked.length === 0 ? undefined : `the upstream was asked: ${asked.map(requestText).join('\n')}`

function contained(
  { kind, not, name, text }: Extract<Part, { not: boolean }>,
  answer: CurlAnswer,
  asked: readonly EchoedRequest[],
): string | undefined {
  let has: boolean
  let all: string
  if (kind === 'field') {
    const values = answer.fields.filter(([other]) => other === name).map(([, value]) => value)
    has = values.some((value) => value.includes(text))
    all = answer.fields.map(([other, value]) => `${other}: ${value}`).join('\n')
  } else if (kind === 'body') {
    has = withoutSpace(answer.body).includes(withoutSpace(text))
    all = answer.body
  } else {
    all = asked.map(requestText).join('\n\n')
    has = all.toLowerCase().includes(text.toLowerCase())
    if (asked.length === 0) return 'the upstream was not asked'
  }
  if (has === !not) return undefined
  return `${name}: ${text} is ${not ? '' : 'not '}in\n${all}`
}

const withoutSpace = (text: string): string => text.replaceAll(/\s+/g, '')

function requestText({ method, url, rawHeaders, body }: EchoedRequest): string {
  const fields = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []))
  return [`${method} ${url}`, ...fields, '', body].join('\n')
}

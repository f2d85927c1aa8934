import type { DescField, DescMethod } from '@bufbuild/protobuf'
import { type FieldPath, fieldNamed, resolveFieldPath, takesText } from './field-path.ts'
import { parsePathTemplate, type PathTemplate } from './path-template.ts'

/** How a method is called over HTTP: one rule, checked against the types. */
export interface Binding {
  readonly method: DescMethod
  /** `*`: any. */
  readonly httpMethod: string
  readonly template: PathTemplate
  /** The field that each variable of the template fills, in their order. */
  readonly variables: readonly FieldPath[]
  /** What the request's body is: the whole message, a field of it, or nothing. */
  readonly body: '*' | DescField | undefined
  /** The field that is the response's body; undefined: the whole message. */
  readonly responseBody: DescField | undefined
  /** Whether query parameters fill fields. */
  readonly takesQuery: boolean
}

/** A rule as it is written. */
export interface WrittenRule {
  readonly httpMethod: string
  readonly path: string
  readonly body: string
  readonly responseBody: string
}

/** Checks a rule; a text says what is wrong with it. */
export function bindRule(method: DescMethod, rule: WrittenRule): Binding | string {
  const template = parsePathTemplate(rule.path)
  if ('error' in template) return `the path "${rule.path}" ${template.error}`
  const variables: FieldPath[] = []
  for (const { fieldPath } of template.variables) {
    const resolved = resolveFieldPath(method.input, fieldPath)
    if (typeof resolved === 'string') return `the path "${rule.path}" names a field that is not there: ${resolved}`
    const last = resolved[resolved.length - 1]
    if (last.fieldKind === 'list' || !takesText(last)) {
      return `the path "${rule.path}" fills "${fieldPath.join('.')}", which is not a single value`
    }
    variables.push(resolved)
  }
  const body = rule.body === '' ? undefined : rule.body === '*' ? '*' : fieldNamed(method.input, rule.body)
  if (body === undefined && rule.body !== '') return `body: ${method.input.typeName} has no field "${rule.body}"`
  const responseBody = rule.responseBody === '' ? undefined : fieldNamed(method.output, rule.responseBody)
  if (responseBody === undefined && rule.responseBody !== '') {
    return `response_body: ${method.output.typeName} has no field "${rule.responseBody}"`
  }
  return {
    method,
    httpMethod: rule.httpMethod,
    template,
    variables,
    body,
    responseBody,
    takesQuery: body !== '*',
  }
}

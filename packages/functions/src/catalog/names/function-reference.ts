import { invalidParameter, notFound } from '../../model/service-error.ts'
import { failed, throwProblems } from '../shapes/shape.ts'
import type { Scope } from './arns.ts'

/** What a caller named: a function, and perhaps a version or an alias. */
export interface FunctionReference {
  readonly name: string
  readonly qualifier: string | undefined
}

/** As the service model has it (NamespacedFunctionName), with names of our groups. */
const PATTERN =
  /^(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?<region>[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9-_]+)(?::(?<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?$/
const PATTERN_TEXT =
  '(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?'

const MAX_REFERENCE = 256
export const MAX_FUNCTION_NAME = 64

const QUALIFIER = /^(\$LATEST|[a-zA-Z0-9-_]{1,128})$/

/**
 * Reads a name, `name:qualifier`, a partial or a full ARN.
 * @param qualifier of the query
 */
export function functionReference(text: string, qualifier: string | undefined, scope: Scope): FunctionReference {
  const parts = text.length > MAX_REFERENCE ? undefined : PATTERN.exec(text)?.groups
  if (parts === undefined) throwProblems([failed(`'${text.slice(0, 512)}'`, 'functionName', nameConstraint(text))])
  const { name, region, account, qualifier: derived } = parts as Record<string, string | undefined>
  if (name!.length > MAX_FUNCTION_NAME)
    throwProblems([
      failed(`'${name}'`, 'functionName', `Member must have length less than or equal to ${MAX_FUNCTION_NAME}`),
    ])
  if (region !== undefined && region !== scope.region)
    throw notFound(`Functions from '${region}' are not reachable in this region ('${scope.region}')`)
  if (account !== undefined && account !== scope.account) throw notFound(`Function not found: ${text}`)
  if (qualifier !== undefined && !QUALIFIER.test(qualifier))
    throwProblems([
      failed(
        `'${qualifier.slice(0, 512)}'`,
        'qualifier',
        'Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)',
      ),
    ])
  if (derived !== undefined && qualifier !== undefined && derived !== qualifier)
    throw invalidParameter('The derived qualifier from the function name does not match the specified qualifier.')
  return { name: name!, qualifier: qualifier ?? derived }
}

const nameConstraint = (text: string): string =>
  text.length > MAX_REFERENCE
    ? `Member must have length less than or equal to ${MAX_REFERENCE}`
    : `Member must satisfy regular expression pattern: ${PATTERN_TEXT}`

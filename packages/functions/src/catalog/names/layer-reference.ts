import { invalidParameter, notFound } from '../../model/service-error.ts'
import { failed, throwProblems } from '../shapes/shape.ts'
import type { Scope } from './arns.ts'

export interface LayerVersionReference {
  readonly name: string
  readonly version: number
}

const ARN = /^arn:[a-zA-Z0-9-]+:lambda:([a-zA-Z0-9-]+):(\d{12}):layer:([a-zA-Z0-9-_]+)(?::([0-9]{1,9}))?$/
const VERSION_PATTERN =
  '(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)'
const NAME_PATTERN = '(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+'

/** A layer by its name or ARN. */
export function layerName(text: string, scope: Scope): string {
  const [, region, account, name, version] = ARN.exec(text) ?? []
  if (name === undefined) {
    if (!/^[a-zA-Z0-9-_]{1,140}$/.test(text))
      throwProblems([
        failed(
          `'${text.slice(0, 512)}'`,
          'layerName',
          `Member must satisfy regular expression pattern: ${NAME_PATTERN}`,
        ),
      ])
    return text
  }
  if (version !== undefined)
    throwProblems([failed(`'${text}'`, 'layerName', `Member must satisfy regular expression pattern: ${NAME_PATTERN}`)])
  if (region !== scope.region || account !== scope.account) throw notFound('The resource you requested does not exist.')
  return name
}

/** A layer version by the number in a path. */
export function layerVersion(text: string): number {
  if (!/^-?[0-9]{1,9}$/.test(text))
    throwProblems([failed(`'${text.slice(0, 512)}'`, 'versionNumber', 'Member must be a number')])
  if (Number(text) < 1) throw invalidParameter('Layer Version Cannot be less than 1.')
  return Number(text)
}

/** @returns undefined when it is no ARN of a layer version */
export function parseLayerVersionArn(
  arn: string,
): (LayerVersionReference & { readonly region: string; readonly account: string }) | undefined {
  const [, region, account, name, version] = ARN.exec(arn) ?? []
  if (version === undefined || arn.length > 140) return undefined
  return { region: region!, account: account!, name: name!, version: Number(version) }
}

/** As AWS words it for a function's list of layers. */
export const layerListProblem = (arn: string): string =>
  failed(
    `'[${arn}]'`,
    'layers',
    `Member must satisfy constraint: [Member must have length less than or equal to 140, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ${VERSION_PATTERN}, Member must not be null]`,
  )

export const LAYER_VERSION_PATTERN = 'arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+'

import { isFieldValue, isToken } from '@sekisho/wire'
import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'
import type { ConfigProblem } from '../definition.ts'

/** The address of a sink that speaks HTTP. */
export const sinkAddress = (description: string) =>
  Type.String({
    pattern: '^[^/]+://([\\da-zA-Z.-]+|\\[[\\da-fA-F:]+\\])(:\\d+)?',
    patternErrorMessage: 'must be a URL, as "http://HOST:PORT/PATH"',
    description,
  })

/** Of every sink that may be reached by TLS. */
export const verifyOption = defaulted(Type.Boolean({ default: true, description: "verify the server's certificate" }))

/** More fields of what is sent. */
export const fieldsOption = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }), { minProperties: 1, description }))

/** Addresses in one option, or in the older one for a single address. */
export interface SinkAddresses {
  readonly endpoint_addr?: string
  readonly endpoint_addrs?: readonly string[]
}

/** The schema lets exactly one of the two pass. */
export const addressesOf = ({ endpoint_addr: one, endpoint_addrs: all }: SinkAddresses): readonly string[] =>
  all ?? [one as string]

export function checkAddresses(config: SinkAddresses): ConfigProblem | undefined {
  for (const [index, address] of addressesOf(config).entries()) {
    const wrong = checkAddress(
      address,
      config.endpoint_addrs === undefined ? '/endpoint_addr' : `/endpoint_addrs/${index}`,
    )
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** An address must be one that the URL parser takes too, of http or https. */
export function checkAddress(address: string, path: string): ConfigProblem | undefined {
  if (!URL.canParse(address)) return { path, message: 'is not a URL; write "http://HOST:PORT"' }
  const { protocol } = new URL(address)
  if (protocol === 'http:' || protocol === 'https:') return undefined
  return { path, message: `has the scheme "${protocol.slice(0, -1)}"; only http and https are spoken` }
}

/** A text that becomes the value of a field. */
export const checkValue = (value: string, path: string): ConfigProblem | undefined =>
  isFieldValue(value) ? undefined : { path, message: 'has a control character, which no header field may have' }

export function checkFields(fields: Readonly<Record<string, string>> = {}, path: string): ConfigProblem | undefined {
  for (const [name, value] of Object.entries(fields))
    if (!isToken(name) || !isFieldValue(value)) return { path: `${path}/${name}`, message: 'is not a header field' }
  return undefined
}

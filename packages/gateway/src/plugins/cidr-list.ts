import { Type } from '../schema/type.ts'
import { AddressError, CidrSet } from '../addresses/index.ts'
import type { ConfigProblem } from './definition.ts'

/**
 * Schema of a list of addresses and networks. What is an address is left to `checkCidrList`, which can say what is
 * wrong with one.
 */
export const cidrList = (description: string) => Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description })

/** The first entry that is no address and no network, as `check` of a plugin returns it; `path` is that of the list. */
export function checkCidrList(list: readonly string[] | undefined, path: string): ConfigProblem | undefined {
  try {
    if (list !== undefined) new CidrSet(list)
    return undefined
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    // The finding shows the value already.
    return { path: `${path}/${error.index}`, message: error.message.slice(error.entry.length + '"" '.length) }
  }
}

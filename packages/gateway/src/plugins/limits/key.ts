import { type Static, Type } from '../../schema/type.ts'
import type { RequestContext } from '../../request-context.ts'
import { isVariable, variableReader } from '../../variables/variables.ts'
import type { PluginLogger } from '../context.ts'
import { compileLimitText, namesVariables, variableNames } from './text.ts'

const KEY_TYPE = 'how "key" is read: "var" is the name of a variable, "var_combination" a text with variables in it'

/** How `limit-req` and `limit-conn` read their key. */
export const KeyType = Type.Enum(['var', 'var_combination'], { default: 'var', description: KEY_TYPE })

/** How `limit-count` does. */
export const CountKeyType = Type.Enum(['var', 'var_combination', 'constant'], {
  default: 'var',
  description: `${KEY_TYPE}, "constant" one text for all requests`,
})

/** Which counter a request belongs to. */
export type KeyReader = (context: RequestContext) => string

/**
 * The counter of requests that do not have what they are to be counted by: their address. No client can send the NUL in front, so
 * nobody uses up another one's count by sending that address as its key.
 */
const byAddress: KeyReader = ({ remoteAddr }) => `\0${remoteAddr}`

/** Compiles the `key` of a limit. Requests for which it has no value are counted by the client's address. */
export function keyReader(key: string, type: Static<typeof CountKeyType>): KeyReader {
  if (type === 'constant') return () => key
  const read = type === 'var_combination' ? compileLimitText(key) : variableReader(key)
  return (context) => {
    const value = read(context)
    if (typeof value === 'string') return value
    return value === undefined ? byAddress(context) : String(value)
  }
}

/**
 * APISIX takes any key and counts by address where it means nothing, and so do we; but it is hardly what was meant, so it is said
 * once for each place.
 */
export function warnOfKey(plugin: string, key: string, type: string, scope: string, logger: PluginLogger): void {
  const unknown = unknownVariable(key, type)
  if (unknown !== undefined)
    logger.warn({ plugin, scope, key }, `${plugin}: ${unknown}: requests are counted by the client's address`)
}

function unknownVariable(key: string, type: string): string | undefined {
  if (type === 'constant') return undefined
  if (type === 'var_combination' && !namesVariables(key)) return `there is no variable in the key "${key}"`
  const name = (type === 'var' ? [key] : variableNames(key)).find((one) => !isVariable(one))
  return name === undefined ? undefined : `there is no variable "${name}"`
}

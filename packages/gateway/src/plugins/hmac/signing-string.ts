import type { RequestHead } from '@sekisho/wire'

/** Stands for method and path in the list of what is signed. */
export const REQUEST_TARGET = '@request-target'

/**
 * What is signed: the key's id, then a line for each name, each with a line break behind it. undefined: a field that is named is not in the request.
 */
export function signingString(
  keyId: string,
  names: readonly string[],
  { method, target, headers }: Pick<RequestHead, 'method' | 'target' | 'headers'>,
): string | undefined {
  let text = `${keyId}\n`
  for (const name of names) {
    if (name === REQUEST_TARGET) {
      text += `${method} ${target}\n`
      continue
    }
    const value = headers.get(name.toLowerCase())
    if (value === undefined) return undefined
    text += `${name}: ${value}\n`
  }
  return text
}

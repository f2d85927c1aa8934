/** Configurations come and go: beyond so many parts the memory starts anew, and what is in use stays with its users. */
const MAX_PARTS = 1_000

/**
 * Makes equal parts of configurations once: a thousand routes with the same limit read the same few objects, which are in the processor's cache
 * when the next request comes, instead of a thousand copies, which are not.
 */
export function sharedParts<T>(): (key: string, make: () => T) => T {
  const parts = new Map<string, T>()
  return (key, make) => {
    let part = parts.get(key)
    if (part === undefined) {
      if (parts.size >= MAX_PARTS) parts.clear()
      part = make()
      parts.set(key, part)
    }
    return part
  }
}

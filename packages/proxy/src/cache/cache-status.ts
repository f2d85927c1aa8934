/**
 * A member of Cache-Status (RFC 9211): the name of this cache and what it did.
 * @param name a token, or made a quoted string
 */
export const cacheStatusName = (name: string): string =>
  /^[A-Za-z*][\w:/!#$%&'*+.^`|~-]*$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`

/**
 * The value of an Authorization field (RFC 7617 section 2).
 * @param credentials `NAME:PASSWORD`; the name has no colon
 */
export const basicAuthorization = (credentials: string): string =>
  `Basic ${Buffer.from(credentials).toString('base64')}`

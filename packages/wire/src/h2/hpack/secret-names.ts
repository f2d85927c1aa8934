/**
 * Fields that stand in no dynamic table and in no memo of ours, and leave as literals that are never indexed (RFC 7541 section 6.2.3).
 *
 * Section 7.1.3: the requests of all clients share the table of an upstream connection. Who can send some through it and see their
 * lengths can find out whether a value that he guessed is in the table. Long random values cannot be guessed, but passwords in
 * `authorization` and short cookies can, and their length is no safe sign of it. What it costs: they are written out in each request.
 * A caller adds others (API keys) by `neverIndexed`.
 */
export const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
])

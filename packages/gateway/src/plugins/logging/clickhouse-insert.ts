import type { ConfigProblem } from '../definition.ts'

/** Who writes, in fields instead of the URL: URLs are logged. What is empty the server knows. */
export function clickhouseHeaders(config: {
  readonly user: string
  readonly password: string
  readonly database: string
}): Record<string, string> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' }
  if (config.user !== '') headers['X-ClickHouse-User'] = config.user
  if (config.password !== '') headers['X-ClickHouse-Key'] = config.password
  if (config.database !== '') headers['X-ClickHouse-Database'] = config.database
  return headers
}

/** Rows as JSON objects behind the statement, as ClickHouse's HTTP interface takes them. */
export const insertBody = (table: string, rows: readonly string[]): string =>
  `INSERT INTO ${table} FORMAT JSONEachRow ${rows.join(' ')}`

const NAME = '([A-Za-z_][A-Za-z0-9_]*|`[^`\\\\]+`)'
const TABLE = new RegExp(`^${NAME}(\\.${NAME})?$`)

/** The name goes into a statement as it is. */
export const checkTableName = (table: string, path: string): ConfigProblem | undefined =>
  TABLE.test(table)
    ? undefined
    : { path, message: 'is not the name of a table; write "TABLE", "DATABASE.TABLE", or quote it with `' }

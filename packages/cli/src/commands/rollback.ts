import { AdminClient, type AdminClientOptions } from '../admin-client/admin-client.ts'
import type { AdminProblem } from '../admin-client/answers.ts'
import { printable } from '../explanation/text.ts'
import { Failure } from '../failure.ts'
import { propose, type ProposeOptions } from './propose.ts'

export interface RollbackOptions extends AdminClientOptions, ProposeOptions {
  readonly only?: string
}

/** `sekisho rollback REVISION`: makes all, or one resource, what it was then, by a new change. Returns the exit status. */
export async function rollback(revision: number, options: RollbackOptions): Promise<number> {
  const { only } = options
  if (only !== undefined && !/^[a-z_]+\/.+$/.test(only))
    throw new Failure(`--only "${only}" names no resource; write KIND/ID, as routes/1`)
  const client = new AdminClient(options)
  return propose(
    {
      question:
        only === undefined ? `Go back to revision ${revision}?` : `Make ${only} what it was at revision ${revision}?`,
      write: (query) => client.rollback(revision, only, query),
      explain: ({ problems }) => problems.map(line).join('\n'),
    },
    options,
  )
}

const line = ({ path, value, message, remedy }: AdminProblem): string =>
  printable(`${path}  ${value === undefined ? '' : `${value}: `}${message}${remedy === undefined ? '' : `; ${remedy}`}`)

import { renderProblems } from '@sekisho/gateway/internal/config/render'
import { AdminClient, type AdminClientOptions } from '../admin-client/admin-client.ts'
import { isRefused } from '../admin-client/answers.ts'
import { renderDifferences } from '../differences/render.ts'
import { say } from '../failure.ts'
import { coloursFor } from '../terminal/colour.ts'
import { withProgress } from '../terminal/progress.ts'
import { readOrSay } from './apply.ts'

export interface DiffOptions extends AdminClientOptions {
  readonly file: string
  readonly keep?: boolean
  readonly json?: boolean
}

/** Apart from 1, with which a command says that it could not do what it should. */
const DIFFERENT = 2

/** `sekisho diff -f FILE`: what `apply` would change. Returns the exit status. */
export async function diff(options: DiffOptions): Promise<number> {
  const client = new AdminClient(options)
  const documents = await readOrSay(options.file)
  const checked = client.transaction(documents.lists, options.keep !== true, { dryRun: true })
  const answer = await withProgress('comparing', checked)
  if (isRefused(answer)) {
    say(renderProblems(answer.problems.map((problem) => documents.locate(problem))).trimEnd())
    return 1
  }
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(answer, undefined, 2)}\n`
      : renderDifferences(answer.changes, coloursFor(process.stdout)),
  )
  return answer.changes.length === 0 ? 0 : DIFFERENT
}

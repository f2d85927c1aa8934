import { type ChangeAnswer, isRefused, type RefusedAnswer } from '../admin-client/answers.ts'
import type { WriteQuery } from '../admin-client/admin-client.ts'
import { counts, renderDifferences } from '../differences/render.ts'
import { say } from '../failure.ts'
import { coloursFor } from '../terminal/colour.ts'
import { confirm } from '../terminal/confirm.ts'
import { withProgress } from '../terminal/progress.ts'

/** A change that can be tried and made. */
export interface Proposal {
  /** Asked before it is made. */
  readonly question: string
  /** With `dryRun` it says what would happen. */
  readonly write: (query: WriteQuery) => Promise<ChangeAnswer | RefusedAnswer>
  /** Tells why it is refused. */
  readonly explain: (refused: RefusedAnswer) => string
}

export interface ProposeOptions {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly comment?: string
}

/**
 * Shows what a change would do, asks, and makes it: at the revision that was shown or not at all. Returns the exit status: 0 it is so now (or was
 * already), 1 nothing was changed.
 */
export async function propose(proposal: Proposal, { yes, dryRun, comment }: ProposeOptions): Promise<number> {
  const planned = await withProgress('checking', proposal.write({ dryRun: true }))
  if (isRefused(planned)) return refuse(proposal, planned)
  if (planned.changes.length === 0) {
    process.stdout.write(`nothing to change at revision ${planned.revision}\n`)
    return 0
  }
  process.stdout.write(renderDifferences(planned.changes, coloursFor(process.stdout)))
  if (dryRun === true) return 0
  if (yes !== true && !(await confirm(proposal.question))) {
    say('nothing was changed')
    return 1
  }
  const what = `making ${planned.changes.length} changes`
  const done = await withProgress(what, proposal.write({ comment, ifRevision: planned.revision }))
  if (isRefused(done)) return refuse(proposal, done)
  process.stdout.write(`revision ${done.revision}: ${counts(done.changes)}\n`)
  return 0
}

function refuse(proposal: Proposal, refused: RefusedAnswer): number {
  say(proposal.explain(refused).trimEnd())
  say(`nothing was changed: ${refused.problems.length} problem${refused.problems.length === 1 ? '' : 's'}`)
  return 1
}

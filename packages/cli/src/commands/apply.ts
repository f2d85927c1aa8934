import { renderProblems } from '@sekisho/gateway/internal/config/render'
import { AdminClient, type AdminClientOptions } from '../admin-client/admin-client.ts'
import { type DocumentFile, readDocuments } from '../documents/read-documents.ts'
import { say, SilentFailure } from '../failure.ts'
import { propose, type ProposeOptions } from './propose.ts'

export interface ApplyOptions extends AdminClientOptions, ProposeOptions {
  readonly file: string
  readonly keep?: boolean
}

/** `sekisho apply -f FILE`: makes the configuration of a store what the file says. Returns the exit status. */
export async function apply(options: ApplyOptions): Promise<number> {
  const client = new AdminClient(options)
  const documents = await readOrSay(options.file)
  return propose(
    {
      question: `Make these changes to ${client.address}?`,
      write: (query) => client.transaction(documents.lists, options.keep !== true, query),
      explain: ({ problems }) => renderProblems(problems.map((problem) => documents.locate(problem))),
    },
    options,
  )
}

/** The resources of a file; what is wrong with it has been said when this throws. */
export async function readOrSay(file: string): Promise<DocumentFile> {
  const read = await readDocuments(file)
  if ('problems' in read) {
    say(renderProblems(read.problems).trimEnd())
    throw new SilentFailure(`${file} cannot be read`)
  }
  if (read.settings.length > 0) {
    const names = read.settings.map((name) => `"${name}"`).join(', ')
    say(`${file}: settings are those of the node that reads them at its start, and are not sent: ${names}`)
  }
  return read
}

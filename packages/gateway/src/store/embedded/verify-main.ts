// A process of its own, see `verify.ts`: reads the whole file that is named on the command line.
import { readHistory } from './read-history.ts'
import { EmbeddedDatabase } from './database.ts'

try {
  const database = await EmbeddedDatabase.open(process.argv[2] as string, { readOnly: true })
  database.snapshot()
  for (let before: number | undefined; ;) {
    const page = readHistory(database, { limit: 100, ...(before === undefined ? {} : { before }) })
    if (page.length === 0) break
    before = page.at(-1)!.revision
  }
  await database.close()
} catch {
  // An error with words: the process that asked finds it, too, and can report it.
}

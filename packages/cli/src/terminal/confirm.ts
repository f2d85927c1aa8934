import { createInterface } from 'node:readline/promises'
import { Failure } from '../failure.ts'

/**
 * Asks on the terminal, and is answered with yes or anything else. A Failure where nobody can be asked: what a script is to do
 * has to stand in the script.
 */
export async function confirm(question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true)
    throw new Failure('nothing was changed: there is no terminal to ask; add --yes to go on without a question')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

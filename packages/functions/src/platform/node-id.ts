import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const ID = /^[0-9a-f-]{36}$/

/**
 * The name of a node among those that share its state: made once and kept in its folder, so that it is the same after a restart.
 * @param path the folder, which is there. Rejects where the file holds something else
 */
export async function nodeId(path: string): Promise<string> {
  const file = join(path, 'node-id')
  try {
    await writeFile(file, `${randomUUID()}\n`, { flag: 'wx', flush: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const id = (await readFile(file, 'utf8')).trim()
  if (!ID.test(id)) throw new Error(`${file} holds no name of a node: delete it to get a new one`)
  return id
}

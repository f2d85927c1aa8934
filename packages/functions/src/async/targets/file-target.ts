import { type FileHandle, open } from 'node:fs/promises'
import type { Delivery } from '../delivery.ts'
import type { Target } from './target.ts'

/** 1 GiB: a file is for looking into. */
const MAX_FILE_BYTES = 2 ** 30

/** Appends messages to a file, one JSON object a line, and waits for the disk. */
export class FileTarget implements Target {
  readonly #path: string
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** One at a time: lines must not mix, and a file that was moved away is made again. */
  send(delivery: Delivery): Promise<void> {
    const sent = this.#last.then(() => this.#append(delivery))
    this.#last = sent.catch(() => undefined)
    return sent
  }

  async close(): Promise<void> {
    await this.#last
  }

  async #append({ arn, body, attributes }: Delivery): Promise<void> {
    const file: FileHandle = await open(this.#path, 'a', 0o600)
    try {
      if ((await file.stat()).size > MAX_FILE_BYTES)
        throw new Error(`${this.#path} has more than ${MAX_FILE_BYTES} bytes: move it away`)
      const values = Object.fromEntries(Object.entries(attributes).map(([name, { value }]) => [name, value]))
      await file.appendFile(`${JSON.stringify({ arn, attributes: values, body })}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
  }
}

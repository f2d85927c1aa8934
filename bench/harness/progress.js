/**
 * Says on standard error what is being done: one line that is written over on a terminal, lines in a log.
 */
export class Progress {
  #scope = ''
  #interactive = process.stderr.isTTY

  /** @param {string} scope */
  enter(scope) {
    this.#scope = scope
  }

  /** @param {string} text */
  say(text) {
    const line = this.#scope === '' ? text : `[${this.#scope}] ${text}`
    process.stderr.write(
      this.#interactive ? `\r\u001b[K${line.slice(0, (process.stderr.columns ?? 120) - 1)}` : `${line}\n`,
    )
  }

  /** Takes the line away before something is printed. */
  clear() {
    if (this.#interactive) process.stderr.write('\r\u001b[K')
  }
}

/** Shorter work needs no words. */
const SHOW_AFTER_MS = 500
const EVERY_MS = 250

/**
 * Says what is being done and for how long, in one line of standard error that goes away when it is done. On a terminal only: a log is not
 * to be filled with it.
 */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  if (process.stderr.isTTY !== true) return work
  const start = performance.now()
  let shown = false
  const timer = setInterval(() => {
    const elapsed = performance.now() - start
    if (elapsed < SHOW_AFTER_MS) return
    shown = true
    process.stderr.write(`\r\x1b[K${what} … ${Math.floor(elapsed / 1_000)} s`)
  }, EVERY_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (shown) process.stderr.write('\r\x1b[K')
  }
}

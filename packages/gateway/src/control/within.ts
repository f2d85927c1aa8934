/** Resolves when it is done, or when the time is over. */
export async function within(limitMs: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)))
  await Promise.race([done, limit])
  clearTimeout(timer)
}

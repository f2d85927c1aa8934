type Release = () => void | Promise<void>

const held: Release[] = []

/** What a test opens is closed behind it, the last one first: `afterEach(releaseAll)`. */
export const releaseLater = (release: Release): void => void held.push(release)

export async function releaseAll(): Promise<void> {
  for (const release of held.splice(0).reverse()) await release()
}

/**
 * Waits, turn by turn of the event loop, for something that no event tells. Bounded: after 5 s it says what was waited for.
 */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const giveUp = performance.now() + 5_000
  while (!holds()) {
    if (performance.now() > giveUp) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

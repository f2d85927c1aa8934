/** Enough for a configuration error with its file and line. */
const MAX_MESSAGE_CHARS = 400

/**
 * Measures all proxies once, then all again, and so on: what changes on the machine meanwhile meets them alike.
 * A proxy that fails is left out of what follows, and said so.
 * @template T
 * @param {import('./scenario.js').Bench} bench
 * @param {(candidate: import('./scenario.js').Candidate) => Promise<T>} measure
 * @param {(sample: T) => string} describe for the progress line
 * @returns {Promise<{ samples: Map<string, T[]>, notes: string[] }>} by proxy; a list for each is as long as there were rounds
 */
export async function interleaved(bench, measure, describe) {
  /** @type {Map<string, T[]>} */
  const samples = new Map(bench.candidates.map(({ proxy }) => [proxy.name, []]))
  /** @type {string[]} */
  const notes = []
  for (let round = 1; round <= bench.rounds; round++) {
    for (const candidate of bench.candidates) {
      const { name } = candidate.proxy
      const list = samples.get(name)
      if (list === undefined) continue
      const place = `round ${round}/${bench.rounds} ${name}`
      bench.progress.say(`${place} ...`)
      try {
        const sample = await measure(candidate)
        list.push(sample)
        bench.progress.say(`${place}: ${describe(sample)}`)
      } catch (error) {
        samples.delete(name)
        notes.push(`${name} is left out: ${firstLines(error)}`)
        bench.progress.say(`${place}: ${notes.at(-1)}`)
      }
    }
  }
  return { samples, notes }
}

/** What went wrong, without the pages that some programs print. @param {unknown} error */
function firstLines(error) {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, MAX_MESSAGE_CHARS)
}

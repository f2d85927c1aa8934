/** Longest name compared: the cost is the product of both lengths. */
const MAX_LENGTH = 64

/** The known name that was probably meant; undefined when none is near. */
export function suggest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined
  const plain = fold(name)
  // One slip in three characters, and at least one: "uri" for "url", "upstream_id" for "upstreamId" or "upstrem_id".
  let best = Math.max(1, Math.floor(plain.length / 3)) + 1
  let found: string | undefined
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > best) continue
    const distance = editDistance(plain, fold(candidate))
    if (distance < best) {
      best = distance
      found = candidate
    }
  }
  return found
}

/** Case, dashes and underscores are styles, not slips. */
const fold = (name: string): string => name.toLowerCase().replaceAll(/[-_ ]/g, '')

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

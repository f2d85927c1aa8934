/**
 * The middle value, or the mean of the two in the middle. Medians, because a neighbour on the machine makes single
 * rounds slower, never faster. NaN for an empty list.
 * @param {readonly number[]} values
 */
export function median(values) {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The median of every field of a list of objects with the same numeric fields.
 * @template {Record<string, number>} T
 * @param {readonly T[]} samples at least one
 * @returns {T}
 */
export function medians(samples) {
  const fields = Object.keys(samples[0])
  return /** @type {T} */ (
    Object.fromEntries(fields.map((field) => [field, median(samples.map((sample) => sample[field]))]))
  )
}

/**
 * The smallest value that at least this part of the values does not exceed.
 * @param {readonly number[]} values
 * @param {number} part
 */
export function percentile(values, part) {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]
}

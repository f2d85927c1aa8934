/**
 * What a closed loop tells, whoever made it.
 * @typedef {object} LoadResult
 * @property {number} requests answered
 * @property {number} seconds
 * @property {number} requestsPerSecond
 * @property {number} bytesPerSecond
 * @property {number} p50Ms NaN: not known
 * @property {number} p99Ms NaN: not known
 * @property {number} errors failed, refused, or answered with an error
 */
export {}

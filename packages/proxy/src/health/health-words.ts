/**
 * What all threads know of one node: 16 words of 32 bits, a cache line of its own, so that the counts of one node do not slow down those of
 * its neighbour. Plain numbers at fixed places, because that is what threads can share.
 */
export const HEALTH_WORDS = 16

/** One of the four below. */
export const STATE = 0
/** 1 while outlier detection keeps the node out. */
export const EJECTED = 1
/** In a row; a success sets the three failures to 0, a failure the successes. */
export const SUCCESSES = 2
export const TCP_FAILURES = 3
export const HTTP_FAILURES = 4
export const TIMEOUT_FAILURES = 5
/** In a row, for outlier detection. */
export const OUTLIER_5XX = 6
export const OUTLIER_GATEWAY = 7
export const OUTLIER_LOCAL = 8
/** Of this interval, for the rates of outlier detection. */
export const VOLUME_REQUESTS = 9
export const VOLUME_FAILURES = 10
/** 1 when an ejection was asked for that has not been decided yet. */
export const OUTLIER_ASKED = 11
/** Index among Float64: milliseconds of `Date.now` from when on the node takes its share slowly; 0 = it does not. */
export const STARTED_AT_FLOAT = 6

export const HEALTHY = 0
export const MOSTLY_HEALTHY = 1
export const MOSTLY_UNHEALTHY = 2
export const UNHEALTHY = 3

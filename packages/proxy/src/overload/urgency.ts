/**
 * How much it matters that a request is served, on the scale of RFC 9218 (section 4.1): 0 is the most urgent, 7 the least, 3 is what says
 * nothing.
 */
export const URGENCIES = 8
export const DEFAULT_URGENCY = 3

/** Of a limit of requests in flight, each step below the default urgency leaves a tenth to those above. */
const RESERVE = 0.1

/** The part of a limit that requests of an urgency may fill. */
export const shareOf = (urgency: number): number => 1 - RESERVE * Math.max(0, urgency - DEFAULT_URGENCY)

/** A store that cannot do what it is asked: why, and what to do about it. */
export class StateError extends Error {
  override readonly name: string = 'StateError'
}

/** The store cannot be reached, or does not answer: the same may work later. */
export class StateUnavailable extends StateError {
  override readonly name = 'StateUnavailable'
}

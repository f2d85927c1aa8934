/** A store that cannot do what it is asked: why, and what to do about it. */
export class StateError extends Error {
  override readonly name = 'StateError'
}

/** What a store refuses or cannot do, in words for the operator: what is wrong, and what to do about it. */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
  }
}

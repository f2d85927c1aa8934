import { StoreError } from '../backend/store-error.ts'

/** The database cannot be read. Never answered with an empty configuration: the node does not start. */
export class DamagedStoreError extends StoreError {
  constructor(file: string, what: string, options?: ErrorOptions) {
    super(
      `the store ${file} is damaged: ${what}. Stop the gateway, keep a copy of the file, and put a backup in its place; ` +
        'without one, move the store away and write the configuration anew with `sekisho apply`',
      options,
    )
    this.name = 'DamagedStoreError'
  }
}

/** Something in a record is not what was written. Whoever knows the file makes a DamagedStoreError of it. */
export class DamagedRecord extends Error {}

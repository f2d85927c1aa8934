import type { TSchema } from 'typebox'

interface Validator {
  Check(value: unknown): boolean
}

/** A JSON Schema of the configuration for what is known of a caller. The compiler is loaded by those who use it alone. */
export class ClaimSchema {
  private readonly schema: object
  private validator: Promise<Validator> | undefined

  constructor(schema: object) {
    this.schema = schema
  }

  async fits(value: object): Promise<boolean> {
    this.validator ??= import('../../resources/compiled.ts').then(({ compiled }) => compiled(this.schema as TSchema))
    return (await this.validator).Check(value)
  }
}

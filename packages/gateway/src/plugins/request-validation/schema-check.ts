import type { TSchema } from 'typebox'
import { compiled } from '../../resources/compiled.ts'
import { withDefaults } from '../../resources/defaults.ts'
import { TextTooLong } from './refinements.ts'
import { prepareSchema } from './user-schema.ts'

/** Characters of a body up to which it is said what is wrong with it: to find that takes longer than to see that something is. */
const MAX_EXPLAINED = 8_192

/** A schema of a user, compiled. */
export class SchemaCheck {
  private readonly schema: TSchema
  private readonly hasDefaults: boolean

  /**
   * @param lower it is about header fields
   * @throws SchemaError
   */
  constructor(written: object, lower = false) {
    const { schema, hasDefaults } = prepareSchema(written, lower)
    this.schema = schema as TSchema
    this.hasDefaults = hasDefaults
    compiled(this.schema)
  }

  /** With the defaults of the schema: the same value where there are none. */
  filled(value: unknown): unknown {
    return this.hasDefaults ? withDefaults(this.schema, value) : value
  }

  /** What is wrong with a value, for people; undefined: nothing. @param size of it, in characters */
  problem(value: unknown, size: number): string | undefined {
    const validator = compiled(this.schema)
    try {
      if (validator.Check(value)) return undefined
      if (size > MAX_EXPLAINED) return 'does not fit the schema'
      const [, errors] = validator.Errors(value)
      // What is in an alternative says less than that none of them fits.
      const found = errors.find(({ schemaPath }) => !/\/(anyOf|oneOf|not|if)\//.test(schemaPath)) ?? errors[0]
      return found === undefined ? 'does not fit the schema' : worded(found.instancePath, found.message)
    } catch (error) {
      if (error instanceof TextTooLong) return error.message
      if (error instanceof RangeError) return 'has too many values within each other'
      throw error
    }
  }
}

const worded = (path: string, message: string): string => (path === '' ? message : `${path.slice(0, 200)} ${message}`)

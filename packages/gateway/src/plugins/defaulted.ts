import { type TSchema, Type } from '../schema/type.ts'

/**
 * A field with a default: it may be left out of the document, and is there in `create` and `check`, which get the
 * defaults filled in. `Type.Optional` alone says the first, but makes every use of the field handle an `undefined` that
 * cannot happen.
 */
export const defaulted = <S extends TSchema>(schema: S): S => Type.Optional(schema) as unknown as S

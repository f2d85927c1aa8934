import type { Registry } from '@bufbuild/protobuf'

/** How messages are written as JSON. All off is canonical ProtoJSON. */
export interface JsonStyle {
  readonly registry: Registry
  /** Enums as numbers. */
  readonly enumAsNumber: boolean
  /** Fields that are not set are written with their default value (those that cannot tell set from not set). */
  readonly withDefaults: boolean
  /** `user_name` instead of `userName`. */
  readonly protoFieldNames: boolean
  /** 64-bit integers: as text, which is canonical and loses nothing; as numbers where JavaScript's can hold them; as `0x` and digits. */
  readonly int64: 'string' | 'number' | 'hexstring'
}

export const canonicalStyle = (registry: Registry): JsonStyle => ({
  registry,
  enumAsNumber: false,
  withDefaults: false,
  protoFieldNames: false,
  int64: 'string',
})

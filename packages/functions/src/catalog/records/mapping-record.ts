/** An event source mapping: which source calls which function, and how. What runs it is elsewhere. */
export interface MappingRecord {
  readonly uuid: string
  readonly functionName: string
  readonly qualifier: string | undefined
  readonly enabled: boolean
  readonly modifiedAt: number
  /** The members of the request that say how, by their names in the service model, with defaults. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly tags: Readonly<Record<string, string>>
}

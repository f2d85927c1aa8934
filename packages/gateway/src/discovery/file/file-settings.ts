import { type Static, Type } from '../../schema/type.ts'

export const FileDiscoverySettings = Type.Object(
  { path: Type.String({ minLength: 1, description: 'YAML or JSON: `services: { NAME: { "HOST:PORT": WEIGHT } }`' }) },
  { additionalProperties: false, description: 'a file that another program writes' },
)
export type FileDiscoverySettings = Static<typeof FileDiscoverySettings>

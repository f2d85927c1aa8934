import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const

const Size = Type.Union([
  Type.Integer({ minimum: 65_536, maximum: 1024 ** 4 }),
  Type.String({
    pattern: '^[0-9]+[kmgKMG]?$',
    patternErrorMessage: 'must be a number of bytes, or like 512k, 50m or 1g',
  }),
])

const Zone = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 100,
      pattern: '^[a-zA-Z0-9_.-]+$',
      description: 'what `cache_zone` of a plugin names',
    }),
    memory_size: Type.Optional(
      Type.Union(Size.anyOf, {
        default: '64m',
        description: 'memory that all workers share; with `disk_path`: what each worker keeps ready of what is on disk',
      }),
    ),
    disk_path: Type.Optional(
      Type.String({ minLength: 1, description: 'folder; what is in there is found again after a restart' }),
    ),
    disk_size: Type.Optional(Type.Union(Size.anyOf, { default: '1g', description: 'what the files may take' })),
  },
  strict,
)

/** Where `proxy-cache` keeps responses. */
export const ProxyCacheSetting = Type.Object(
  {
    zones: Type.Optional(
      Type.Array(Zone, {
        maxItems: 32,
        default: [{ name: 'memory_cache' }],
        description: 'a zone takes memory when a route first uses it',
      }),
    ),
  },
  { ...strict, default: {} },
)

/** A zone, complete: sizes in bytes, the path absolute. */
export interface CacheZoneSettings {
  readonly name: string
  readonly memoryBytes: number
  readonly disk: { readonly path: string; readonly bytes: number } | undefined
}

export function cacheZones(
  { zones = [] }: Static<typeof ProxyCacheSetting>,
  at: (path: string) => string,
): CacheZoneSettings[] {
  return zones.map(({ name, memory_size: memory = '64m', disk_path: path, disk_size: disk = '1g' }) => ({
    name,
    memoryBytes: bytesOf(memory),
    disk: path === undefined ? undefined : { path: at(path), bytes: bytesOf(disk) },
  }))
}

const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

function bytesOf(size: number | string): number {
  if (typeof size === 'number') return size
  const unit = UNITS[size.slice(-1).toLowerCase()]
  return unit === undefined ? Number(size) : Number(size.slice(0, -1)) * unit
}

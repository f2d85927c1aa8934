/** What names a service in a registry, as an upstream writes it. */
export interface WantedService {
  readonly type: string
  /** `service_name`. */
  readonly name: string
  /** `discovery_args`. */
  readonly args: Readonly<Record<string, unknown>>
}

/** One text for each service: what the control thread and the workers know it by. */
export function serviceKey({ type, name, args }: WantedService): string {
  return `${type} ${labelOf({ name, args })}`
}

/** The service for people, metrics and dumps: its name, and the arguments where there are some. */
export function labelOf({ name, args }: Pick<WantedService, 'name' | 'args'>): string {
  const written = Object.keys(args)
    .sort()
    .map((key) => `${key}=${String(args[key])}`)
  return written.length === 0 ? name : `${name}?${written.join('&')}`
}

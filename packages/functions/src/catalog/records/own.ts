/** A member of a map whose keys strangers choose: `constructor` is a fine name for an alias. */
export const own = <T>(map: Readonly<Record<string, T>>, key: string | undefined): T | undefined =>
  key !== undefined && Object.hasOwn(map, key) ? map[key] : undefined

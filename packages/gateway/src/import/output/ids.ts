/** An id has at most 64 characters; some are kept for a number. */
const MAX_LENGTH = 60

/** Ids of one list, made of another gateway's names. */
export class Ids {
  readonly #taken = new Set<string>()

  /** The name with other characters than an id may have made "-", and with a number when it is taken. */
  take(name: string, fallback: string): string {
    const base =
      name
        .replaceAll(/[^a-zA-Z0-9_.-]+/g, '-')
        .replaceAll(/^-+|-+$/g, '')
        .slice(0, MAX_LENGTH) || fallback
    let id = base
    for (let count = 2; this.#taken.has(id); count++) id = `${base}-${count}`
    this.#taken.add(id)
    return id
  }
}

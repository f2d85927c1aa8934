import type { FunctionUrl } from '../function-catalog.ts'
import { LATEST } from '../names/arns.ts'
import type { CatalogRecords } from '../records/catalog-records.ts'
import type { FunctionRecord, UrlRecord } from '../records/function-record.ts'

/** Function URLs by the first label of their host, and by their function. */
export class UrlIndex {
  readonly #byId = new Map<string, FunctionUrl>()
  /** By `NAME` or `NAME:ALIAS`. */
  readonly #byFunction = new Map<string, FunctionUrl>()

  constructor(records: CatalogRecords) {
    records.functions.onChange((_, now, before) => {
      if (before !== undefined) this.#remove(before)
      if (now !== undefined) this.#add(now)
    })
  }

  byId(id: string): FunctionUrl | undefined {
    return this.#byId.get(id)
  }

  of(name: string, qualifier: string | undefined): FunctionUrl | undefined {
    return this.#byFunction.get(keyOf(name, qualifier))
  }

  #add({ name, urls }: FunctionRecord): void {
    for (const [key, record] of Object.entries(urls)) {
      const url = urlOf(name, key === LATEST ? undefined : key, record)
      this.#byId.set(url.id, url)
      this.#byFunction.set(keyOf(name, url.qualifier), url)
    }
  }

  #remove({ name, urls }: FunctionRecord): void {
    for (const [key, { id }] of Object.entries(urls)) {
      this.#byId.delete(id)
      this.#byFunction.delete(keyOf(name, key === LATEST ? undefined : key))
    }
  }
}

const keyOf = (name: string, qualifier: string | undefined): string =>
  qualifier === undefined ? name : `${name}:${qualifier}`

function urlOf(functionName: string, qualifier: string | undefined, record: UrlRecord): FunctionUrl {
  const { id, authType, invokeMode, cors } = record
  return {
    id,
    functionName,
    qualifier,
    authType,
    invokeMode,
    cors:
      cors === undefined
        ? undefined
        : {
            allowCredentials: cors.AllowCredentials ?? false,
            allowHeaders: cors.AllowHeaders ?? [],
            allowMethods: cors.AllowMethods ?? [],
            allowOrigins: cors.AllowOrigins ?? [],
            exposeHeaders: cors.ExposeHeaders ?? [],
            maxAge: cors.MaxAge ?? 0,
          },
  }
}

import { ConversionError, toCsv } from './convert.ts'
import { Store } from './store.ts'

/** What a store sends: objects were created. Keys are encoded as in a form: a space is `+`. */
interface StoreEvent {
  readonly Records: readonly {
    readonly s3: { readonly bucket: { readonly name: string }; readonly object: { readonly key: string } }
  }[]
}

/** What a route or a function URL sends (payload format 2.0). */
interface RequestEvent {
  readonly rawPath: string
  readonly body?: string
  readonly isBase64Encoded: boolean
}

interface Written {
  readonly key: string
  readonly rows: number
}

interface Response {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

// Once for an environment: it keeps its connections.
const store = Store.fromEnvironment()

/** A zip with a JSON file inside becomes CSV: from a store that tells of it, or as the body of a request. */
export async function handler(event: StoreEvent | RequestEvent): Promise<{ readonly written: Written[] } | Response> {
  return 'Records' in event ? fromStore(event) : fromRequest(event)
}

async function fromStore({ Records }: StoreEvent): Promise<{ readonly written: Written[] }> {
  const written: Written[] = []
  for (const { s3 } of Records) {
    const key = decodeURIComponent(s3.object.key.replaceAll('+', ' '))
    const { csv, rows } = await toCsv(await store.get(s3.bucket.name, key))
    const target = `${key.replace(/\.zip$/, '')}.csv`
    await store.put(target, csv)
    console.log(`${s3.bucket.name}/${key}: ${rows} rows in ${target}`)
    written.push({ key: target, rows })
  }
  return { written }
}

/** Mistakes of the sender are answered; what else fails is a failure of the function. */
async function fromRequest({ rawPath, body = '', isBase64Encoded }: RequestEvent): Promise<Response> {
  const name = rawPath.split('/').at(-1) || 'upload'
  const key = `uploads/${name}.csv`
  try {
    const { csv, rows } = await toCsv(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'))
    await store.put(key, csv)
    return answer(201, { key, rows })
  } catch (error) {
    if (error instanceof ConversionError) return answer(400, { message: error.message })
    throw error
  }
}

const answer = (statusCode: number, body: object): Response => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

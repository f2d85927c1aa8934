import { buffer } from 'node:stream/consumers'
import { fromBufferPromise } from 'yauzl'

/** Of the JSON, unpacked: a small zip may hold gigabytes. */
const MAX_JSON_BYTES = 50_000_000

/** What the sender did wrong. */
export class ConversionError extends Error {}

/** The first .json file of a zip, which must be a list of flat objects, as CSV (RFC 4180). */
export async function toCsv(zip: Buffer): Promise<{ readonly csv: string; readonly rows: number }> {
  const rows = rowsOf(await jsonOf(zip))
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name]))]
  return { csv: lines.map((line) => `${line.map(cell).join(',')}\r\n`).join(''), rows: rows.length }
}

async function jsonOf(zip: Buffer): Promise<string> {
  const json = await unpack(zip).catch((error: Error) => {
    throw new ConversionError(`this is no zip: ${error.message}`)
  })
  if (json === undefined) throw new ConversionError('there is no .json file in the zip')
  return json
}

async function unpack(zip: Buffer): Promise<string | undefined> {
  const archive = await fromBufferPromise(zip)
  for await (const entry of archive.eachEntry()) {
    if (!entry.fileName.endsWith('.json')) continue
    // A file that is longer than it says here ends the stream with an error.
    if (entry.uncompressedSize > MAX_JSON_BYTES) throw new Error(`its JSON is larger than ${MAX_JSON_BYTES} bytes`)
    return (await buffer(await archive.openReadStreamPromise(entry))).toString()
  }
  return undefined
}

type Row = Readonly<Record<string, unknown>>

function rowsOf(json: string): readonly Row[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new ConversionError(`the JSON cannot be read: ${(error as Error).message}`)
  }
  if (!Array.isArray(value)) throw new ConversionError('the JSON is no list')
  if (value.some((row) => typeof row !== 'object' || row === null || Array.isArray(row)))
    throw new ConversionError('the JSON is no list of objects')
  return value as Row[]
}

/** Quoted where it must be. */
function cell(value: unknown): string {
  const text = value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

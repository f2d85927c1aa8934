import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Finding } from '@sekisho/gateway/internal/config/problem'

/** Where certificates and keys stand in a resource. */
const FIELDS = new Set(['cert', 'key', 'certs', 'keys', 'ca', 'client_cert', 'client_key'])

/**
 * A copy in which `{ file: PATH }` is the text of that file: the path is meant from where the configuration stands, and the gateway may
 * be another machine.
 *
 * @param path JSON Pointer of the value
 * @param findings gets the files that cannot be read
 */
export function withPemFiles(value: unknown, file: string, path: string, findings: Finding[]): unknown {
  if (Array.isArray(value)) return value.map((item, at) => withPemFiles(item, file, `${path}/${at}`, findings))
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const place = `${path}/${name}`
      if (!FIELDS.has(name)) return [name, withPemFiles(part, file, place, findings)]
      if (Array.isArray(part)) return [name, part.map((one, at) => readText(one, file, `${place}/${at}`, findings))]
      return [name, readText(part, file, place, findings)]
    }),
  )
}

function readText(value: unknown, file: string, path: string, findings: Finding[]): unknown {
  const name = isFields(value) && Object.keys(value).length === 1 ? value['file'] : undefined
  if (typeof name !== 'string') return value
  try {
    return readFileSync(resolve(dirname(file), name), 'utf8')
  } catch (error) {
    findings.push({
      path: `${path}/file`,
      value: JSON.stringify(name),
      message: `cannot be read: ${(error as Error).message}`,
    })
    return value
  }
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

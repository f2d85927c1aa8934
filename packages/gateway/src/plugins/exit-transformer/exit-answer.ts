import type { ResponseHead } from '@sekisho/wire'

/** What frames messages, or belongs to a connection, is the gateway's. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|proxy-connection)$/
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]{1,200}$/
/** Text without controls, but for the tab. */
// eslint-disable-next-line no-control-regex
const FIELD_TEXT = /^[\t\x20-\x7e\x80-\uffff]*$/
const MAX_FIELDS = 100
const MAX_FIELD_LENGTH = 8_192

type FieldValue = string | readonly string[]

/** An answer of the gateway, as functions see it. */
export class ExitAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, FieldValue>>

  constructor(status: number, body: unknown, headers: Readonly<Record<string, FieldValue>>) {
    this.status = status
    this.body = body
    this.headers = headers
  }

  /** Makes a head say this. @returns the body */
  applyTo(response: ResponseHead): Uint8Array {
    const isText = typeof this.body === 'string'
    const { headers } = response
    for (const name of new Set([...headers.entries()].map(([written]) => written.toLowerCase())))
      if (!FRAMING.test(name) && this.headers[name] === undefined) headers.delete(name)
    for (const [name, value] of Object.entries(this.headers))
      if (!FRAMING.test(name)) headers.set(name, typeof value === 'string' ? toLatin1(value) : value.map(toLatin1))
    // It is set anew where there is a body.
    headers.delete('content-length')
    if (!isText && !headers.has('content-type')) headers.set('Content-Type', 'application/json')
    if (response.status !== this.status) response.reason = ''
    response.status = this.status
    return Buffer.from(isText ? (this.body as string) : JSON.stringify(this.body))
  }
}

export function answerOf({ status, headers }: ResponseHead, bytes: Buffer): ExitAnswer {
  const fields: Record<string, FieldValue> = {}
  for (const [written] of headers.entries()) {
    const name = written.toLowerCase()
    const values = headers.getAll(name)
    Object.defineProperty(fields, name, {
      value: values.length === 1 ? values[0] : values,
      enumerable: true,
      configurable: true,
    })
  }
  const text = bytes.toString()
  return new ExitAnswer(status, /json/i.test(headers.get('content-type') ?? '') ? parsed(text) : text, fields)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The answer with what a function returned; a text says what is wrong with that. */
export function changed(answer: ExitAnswer, returned: unknown): ExitAnswer | string {
  if (returned === undefined || returned === null) return answer
  if (typeof returned !== 'object' || Array.isArray(returned) || returned instanceof Uint8Array)
    return 'something else than { status, body, headers }'
  const unknown = Object.keys(returned).find((name) => !['status', 'body', 'headers'].includes(name))
  if (unknown !== undefined) return `"${unknown.slice(0, 50)}", which is none of "status", "body" and "headers"`
  const { status = answer.status, body = answer.body, headers } = returned as Partial<ExitAnswer>
  if (!Number.isInteger(status) || status < 200 || status > 599) return 'a status that is not a number from 200 to 599'
  const fields = headers === undefined ? answer.headers : changedFields(answer.headers, headers)
  if (typeof fields === 'string') return fields
  // What is no JSON any more is not announced as such.
  const [was, is] = [typeof answer.body === 'string', typeof body === 'string']
  const named = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'content-type')
  const type = is ? 'text/plain; charset=utf-8' : 'application/json'
  return new ExitAnswer(status, body, was === is || named ? fields : { ...fields, 'content-type': type })
}

function changedFields(before: ExitAnswer['headers'], given: unknown): ExitAnswer['headers'] | string {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return '"headers" that are no object'
  const fields: Record<string, FieldValue> = { ...before }
  for (const [written, value] of Object.entries(given as Record<string, unknown>)) {
    const name = written.toLowerCase()
    if (!TOKEN.test(name)) return 'the name of a field that is none'
    if (FRAMING.test(name)) return `the field "${name}", which the gateway sets`
    const values = [value].flat()
    if (value === null) delete fields[name]
    else if (values.every((one) => typeof one === 'string' && one.length <= MAX_FIELD_LENGTH && FIELD_TEXT.test(one)))
      fields[name] = typeof value === 'string' ? value : (values as string[])
    else return `a field "${name}" that is no text, or no text of fields`
  }
  return Object.keys(fields).length > MAX_FIELDS ? `more than ${MAX_FIELDS} fields` : fields
}

/** Fields are bytes: what is beyond latin1 goes as UTF-8. */
const toLatin1 = (text: string): string => (/[^\0-\xff]/.test(text) ? Buffer.from(text).toString('latin1') : text)

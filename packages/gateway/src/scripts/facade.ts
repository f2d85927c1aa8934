/** What a function asks the gateway for; the numbers are the same in the sandbox. */
export const CALLS = {
  variable: 0,
  getHeader: 1,
  setHeader: 2,
  appendHeader: 3,
  deleteHeader: 4,
  headerEntries: 5,
  method: 6,
  setMethod: 7,
  target: 8,
  setTarget: 9,
  path: 10,
  host: 11,
  status: 12,
  setStatus: 13,
  consumer: 14,
  respond: 15,
  log: 16,
  getState: 17,
  setState: 18,
  readBody: 19,
  replaceBody: 20,
  finished: 21,
  failed: 22,
  decode: 23,
  encode: 24,
} as const

/** How `invoke` ended: without a value, with one (`finished` was called), not yet, with an error (`failed` was called). */
export const OUTCOMES = { nothing: 0, value: 1, waiting: 2, failed: 3 } as const
/** How bytes and values cross: as they are, or as JSON. */
export const KINDS = { nothing: 0, text: 1, bytes: 2, json: 3 } as const

/**
 * The objects that functions see, in JavaScript: it runs where they run, in the sandbox or beside it, so they see the same in both. It is a
 * function of `host(call, request, …)` and gives `invoke` and `settle`. Texts cross without NUL characters, as C strings.
 */
export const FACADE = `(host, trusted) => {
'use strict'
const text = (value) => {
  value = \`\${value}\`
  if (value.includes('\\0')) throw new TypeError('a NUL character cannot be in there')
  return value
}
const json = (value) => {
  const written = JSON.stringify(value)
  return written === undefined ? undefined : text(written)
}
const isBytes = (value) => value instanceof Uint8Array || value instanceof ArrayBuffer
const bufferOf = (bytes) => bytes instanceof ArrayBuffer ? bytes
  : bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer
const decode = (bytes) => {
  let from = 0, at, out = ''
  while ((at = bytes.indexOf(0, from)) >= 0) {
    if (at > from) out += host(${CALLS.decode}, 0, bytes.slice(from, at).buffer)
    out += '\\0'
    from = at + 1
  }
  return from < bytes.length ? out + host(${CALLS.decode}, 0, bufferOf(from === 0 ? bytes : bytes.slice(from))) : out
}
const encode = (value) => {
  if (!value.includes('\\0')) return new Uint8Array(host(${CALLS.encode}, 0, value))
  const pieces = value.split('\\0').map((piece) => new Uint8Array(host(${CALLS.encode}, 0, piece)))
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length + 1, -1))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length + 1
  }
  return out
}
// Text stays text where it can: bytes are for what has NUL in it.
const bodyOf = (value) => typeof value === 'string' ? (value.includes('\\0') ? encode(value).buffer : value)
  : isBytes(value) ? bufferOf(value) : text(JSON.stringify(value))

class Headers {
  #id; #response
  constructor(id, response) { this.#id = id; this.#response = response }
  get(name) { return host(${CALLS.getHeader}, this.#id, this.#response, text(name)) }
  has(name) { return this.get(name) !== undefined }
  set(name, value) { host(${CALLS.setHeader}, this.#id, this.#response, text(name), text(value)) }
  append(name, value) { host(${CALLS.appendHeader}, this.#id, this.#response, text(name), text(value)) }
  delete(name) { host(${CALLS.deleteHeader}, this.#id, this.#response, text(name)) }
  entries() { return JSON.parse(host(${CALLS.headerEntries}, this.#id, this.#response)) }
  [Symbol.iterator]() { return this.entries()[Symbol.iterator]() }
}
class Request {
  #id; #headers
  constructor(id) { this.#id = id }
  get headers() { return this.#headers ??= new Headers(this.#id, 0) }
  get method() { return host(${CALLS.method}, this.#id) }
  set method(value) { host(${CALLS.setMethod}, this.#id, text(value)) }
  get target() { return host(${CALLS.target}, this.#id) }
  set target(value) { host(${CALLS.setTarget}, this.#id, text(value)) }
  get path() { return host(${CALLS.path}, this.#id) }
  get host() { return host(${CALLS.host}, this.#id) }
  get remoteAddr() { return host(${CALLS.variable}, this.#id, 'remote_addr') }
  arg(name) { return host(${CALLS.variable}, this.#id, 'arg_' + text(name)) }
  readBytes(limit = 0) {
    const id = this.#id
    return new Promise((resolve, reject) => {
      host(${CALLS.readBody}, id, +limit)
      let all = waiting.get(id)
      if (all === undefined) waiting.set(id, all = [])
      all.push({ resolve, reject })
    })
  }
  async readBody(limit) { return decode(await this.readBytes(limit)) }
  replaceBody(body) {
    body = bodyOf(body)
    host(${CALLS.replaceBody}, this.#id, typeof body === 'string' ? ${KINDS.text} : ${KINDS.bytes}, body)
  }
}
class Response {
  #id; #headers
  constructor(id) { this.#id = id }
  get headers() { return this.#headers ??= new Headers(this.#id, 1) }
  get status() { return host(${CALLS.status}, this.#id) }
  set status(value) { host(${CALLS.setStatus}, this.#id, +value) }
}
class Session {
  #id; #request; #response
  constructor(id) { this.#id = id }
  get request() { return this.#request ??= new Request(this.#id) }
  get response() {
    return this.#response ??= host(${CALLS.status}, this.#id) === undefined ? undefined : new Response(this.#id)
  }
  get consumer() {
    const found = host(${CALLS.consumer}, this.#id)
    return found === undefined ? undefined : JSON.parse(found)
  }
  variable(name) { return host(${CALLS.variable}, this.#id, text(name)) }
  respond(status, body = '', headers = {}) {
    const isJson = typeof body !== 'string' && !isBytes(body)
    const kind = isJson ? ${KINDS.json} : isBytes(body) || body.includes('\\0') ? ${KINDS.bytes} : ${KINDS.text}
    host(${CALLS.respond}, this.#id, +status, kind, bodyOf(body), json(headers) ?? '{}')
  }
  log(level, ...values) { host(${CALLS.log}, this.#id, text(level), text(values.map(show).join(' '))) }
  get(key) {
    const found = host(${CALLS.getState}, this.#id, text(key))
    return found === undefined ? undefined : JSON.parse(found)
  }
  set(key, value) { host(${CALLS.setState}, this.#id, text(key), json(value) ?? '') }
}
const show = (value) => typeof value === 'string' ? value.slice(0, 1000).replaceAll('\\0', ' ') : value instanceof Error ? describe(value)
  : typeof value === 'object' && value !== null ? (json(value) ?? '') : text(String(value))

// What it says may lead into code of the function: that is within its bounds, and may throw again.
const describe = (error) => {
  try {
    if (!(error instanceof Error)) return \`threw \${show(error)}\`.slice(0, 500)
    return text(\`\${error.name}: \${error.message}\`.slice(0, 500) + '\\n' + String(error.stack).slice(0, 2000))
  } catch {
    return 'threw something that cannot be shown'
  }
}
const waiting = new Map()
const over = (id) => { if (waiting.size > 0) waiting.delete(id) }
const finish = (id, value) => {
  over(id)
  if (value === undefined) return host(${CALLS.finished}, id, ${KINDS.nothing})
  if (trusted) return host(${CALLS.finished}, id, ${KINDS.text}, value)
  const isText = typeof value === 'string'
  const kind = isText && !value.includes('\\0') ? ${KINDS.text} : isText || isBytes(value) ? ${KINDS.bytes} : ${KINDS.json}
  const sent = kind === ${KINDS.json} ? json(value) : bodyOf(value)
  host(${CALLS.finished}, id, sent === undefined ? ${KINDS.nothing} : kind, sent)
}
const fail = (id, error) => {
  over(id)
  host(${CALLS.failed}, id, describe(error))
}
const then = Promise.prototype.then
const invoke = (run, id, kind, given, end) => {
  try {
    const session = new Session(id)
    const value = kind === ${KINDS.nothing} ? run(session)
      : kind === ${KINDS.bytes} ? run(session, new Uint8Array(given), end)
      : run(session, ...(trusted ? given : JSON.parse(given)))
    if (value === undefined) {
      over(id)
      return ${OUTCOMES.nothing}
    }
    if (value instanceof Promise) {
      then.call(value, (settled) => finish(id, settled), (error) => fail(id, error)).catch((error) => fail(id, error))
      return ${OUTCOMES.waiting}
    }
    finish(id, value)
    return ${OUTCOMES.value}
  } catch (error) {
    fail(id, error)
    return ${OUTCOMES.failed}
  }
}
const settle = (id, ok, given) => {
  const all = waiting.get(id)
  if (all === undefined || all.length === 0) return
  const { resolve, reject } = all.shift()
  if (ok) resolve(new Uint8Array(given))
  else reject(new Error(given))
}
return { classes: [Headers, Request, Response, Session], invoke, settle, TextEncoder: class TextEncoder { encode(value = '') { return encode(\`\${value}\`) } },
  TextDecoder: class TextDecoder { decode(bytes = new Uint8Array(0)) { return decode(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)) } } }
}`

/**
 * What makes the sandbox's own objects unchangeable, so that nothing that a request brings (a body with "__proto__" in it) changes what the next
 * one meets. Names that objects inherit from Object and Error can still be set on objects: they become accessors that do so.
 */
export const HARDEN = `(extra, facade) => {
'use strict'
for (const name of ['SharedArrayBuffer', 'FinalizationRegistry', 'WeakRef', 'console']) delete globalThis[name]
for (const [name, value] of Object.entries(extra))
  Object.defineProperty(globalThis, name, { value, writable: false, configurable: false, enumerable: false })
const settable = (prototype) => {
  for (const name of Reflect.ownKeys(prototype)) {
    const found = Object.getOwnPropertyDescriptor(prototype, name)
    if (!('value' in found) || !found.configurable) continue
    const { value } = found
    Object.defineProperty(prototype, name, {
      configurable: false, enumerable: found.enumerable, get: () => value,
      set(own) {
        if (this === prototype) throw new TypeError('the built-in objects cannot be changed')
        Object.defineProperty(this, name, { value: own, writable: true, enumerable: true, configurable: true })
      },
    })
  }
}
settable(Object.prototype)
for (const type of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) settable(type.prototype)
const seen = new Set()
const freeze = (value) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return
  seen.add(value)
  Object.freeze(value)
  freeze(Object.getPrototypeOf(value))
  for (const name of Reflect.ownKeys(value)) {
    const { value: inner, get, set } = Object.getOwnPropertyDescriptor(value, name)
    freeze(inner)
    freeze(get)
    freeze(set)
  }
}
// What has no name of its own: generators, iterators, asynchronous functions.
const hidden = [function* () {}, async () => {}, async function* () {}, [][Symbol.iterator](), ''[Symbol.iterator](), new Map()[Symbol.iterator](),
  new Set()[Symbol.iterator](), 'a'.matchAll(/a/g), (function* () {})(), (async function* () {})()]
for (const one of hidden) freeze(Object.getPrototypeOf(one))
freeze(Object.getPrototypeOf(Uint8Array))
freeze(facade)
freeze(globalThis)
}`

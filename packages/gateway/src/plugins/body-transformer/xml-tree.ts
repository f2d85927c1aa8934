import type { Decoded } from './input.ts'

/** Elements within each other. */
const MAX_DEPTH = 100

type Fields = Record<string, unknown>

/** An element that is open. */
interface Open {
  readonly name: string
  readonly children: Fields
  text: string
}

const NAME = /[A-Za-z_:\u00c0-\uffff][-\w:.\u00b7\u00c0-\uffff]*/y
const ATTRIBUTE = /\s+([A-Za-z_:\u00c0-\uffff][-\w:.\u00b7\u00c0-\uffff]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const TAG_END = /\s*(\/?)>/y
const CLOSING = /<\/([^\s<>/]+)\s*>/y
const ENTITY = /&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));/g
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
/** What XML has no characters for (section 2.2). */
// eslint-disable-next-line no-control-regex
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/

/** Ends the reading of a document that is none. */
class NotXml extends Error {
  readonly at: number

  constructor(at: number, problem: string) {
    super(problem)
    this.at = at
  }
}

/**
 * A document as templates of APISIX see it: elements by name, without namespaces; one with nothing but text is that text, several of one name are a
 * list, attributes are in `_attr`, and text beside attributes or elements is the first of its list. It has to be well-formed (XML 1.0). Documents
 * with a DOCTYPE are refused: what it can do (entities within entities, files) nobody wants from strangers.
 *
 * Own code, not fast-xml-parser: that one takes half a second for a body of 1 MiB, during which the worker does nothing else.
 */
export function xmlTree(text: string): Decoded {
  try {
    return { value: new Reader(text).read() }
  } catch (error) {
    if (!(error instanceof NotXml)) throw error
    const before = text.slice(0, error.at)
    const line = before.split('\n').length
    return { problem: `is not XML: line ${line}, column ${error.at - before.lastIndexOf('\n')}: ${error.message}` }
  }
}

class Reader {
  private readonly text: string
  private readonly open: Open[] = [{ name: '', children: fields(), text: '' }]
  private at: number

  constructor(text: string) {
    this.text = text
    this.at = text.startsWith('\ufeff') ? 1 : 0
  }

  read(): Fields {
    const { text, open } = this
    const wrong = NO_CHARACTER.exec(text)
    if (wrong !== null) throw new NotXml(wrong.index, 'a character that XML does not have')
    while (this.at < text.length) {
      if (text[this.at] === '<') this.markup()
      else this.characters()
    }
    if (open.length > 1) throw new NotXml(this.at, `<${open[open.length - 1].name}> is not closed`)
    if (Object.keys(open[0].children).length === 0) throw new NotXml(this.at, 'there is no element')
    return open[0].children
  }

  private characters(): void {
    const { text, at } = this
    const next = text.indexOf('<', at)
    const end = next < 0 ? text.length : next
    const written = text.slice(at, end).trim()
    if (written !== '') {
      if (this.open.length === 1) throw new NotXml(at, 'there is text outside of the element')
      if (written.includes(']]>')) throw new NotXml(at, '"]]>" cannot stand in text')
      this.innermost.text += decoded(written, at)
    }
    this.at = end
  }

  private markup(): void {
    const { text, at } = this
    const second = text[at + 1]
    if (second === '/') return this.close()
    if (second === '?') return this.skip('?>', 2)
    if (second !== '!') return this.element()
    if (text.startsWith('<!--', at)) {
      const end = text.indexOf('--', at + 4)
      if (end >= 0 && text[end + 2] !== '>') throw new NotXml(end, '"--" cannot stand in a comment')
      return this.skip('-->', 4)
    }
    if (text.startsWith('<![CDATA[', at) && this.open.length > 1) {
      this.skip(']]>', 9)
      this.innermost.text += text.slice(at + 9, this.at - 3)
      return undefined
    }
    if (/^<!doctype/i.test(text.slice(at, at + 9))) throw new NotXml(at, 'a DOCTYPE, which is not taken')
    throw new NotXml(at, 'this is no markup')
  }

  /** Over what begins here with so many characters and ends with `end`. */
  private skip(end: string, length: number): void {
    const found = this.text.indexOf(end, this.at + length)
    if (found < 0) throw new NotXml(this.at, `this has no "${end}"`)
    this.at = found + end.length
  }

  private element(): void {
    const { text, open } = this
    const start = this.at
    NAME.lastIndex = start + 1
    const name = NAME.exec(text)?.[0]
    if (name === undefined) throw new NotXml(start, 'this is no name of an element')
    if (open.length === 1 && Object.keys(open[0].children).length > 0)
      throw new NotXml(start, 'there is a second element')
    if (open.length > MAX_DEPTH) throw new NotXml(start, `more than ${MAX_DEPTH} elements within each other`)
    let at = NAME.lastIndex
    const children = fields()
    let attributes: Fields | undefined
    let seen: Set<string> | undefined
    for (;;) {
      ATTRIBUTE.lastIndex = at
      const match = ATTRIBUTE.exec(text)
      if (match === null) break
      const [, attribute, double, single] = match
      if (seen?.has(attribute) === true) throw new NotXml(at, `the attribute "${attribute}" is there twice`)
      ;(seen ??= new Set()).add(attribute)
      ;(attributes ??= fields())[localName(attribute)] = decoded(double ?? single, at)
      at = ATTRIBUTE.lastIndex
    }
    TAG_END.lastIndex = at
    const end = TAG_END.exec(text)
    if (end === null) throw new NotXml(at, `this does not belong into the tag <${name}>`)
    if (attributes !== undefined) children['_attr'] = attributes
    this.at = TAG_END.lastIndex
    open.push({ name, children, text: '' })
    if (end[1] === '/') this.closeInnermost()
  }

  private close(): void {
    CLOSING.lastIndex = this.at
    const name = CLOSING.exec(this.text)?.[1]
    const { name: expected } = this.innermost
    if (name === undefined || name !== expected || this.open.length === 1)
      throw new NotXml(this.at, expected === '' ? 'there is nothing to close' : `</${expected}> is expected`)
    this.at = CLOSING.lastIndex
    this.closeInnermost()
  }

  private closeInnermost(): void {
    const { name, children, text } = this.open.pop()!
    let isEmpty = true
    for (const _name in children) {
      isEmpty = false
      break
    }
    if (!isEmpty && text !== '') children['1'] = text
    addTo(this.innermost.children, localName(name), isEmpty ? text : children)
  }

  private get innermost(): Open {
    return this.open[this.open.length - 1]
  }
}

/** Without a prototype: names are strangers'. */
const fields = (): Fields => Object.create(null) as Fields

function addTo(parent: Fields, name: string, value: unknown): void {
  const known = parent[name]
  if (known === undefined) parent[name] = value
  else if (Array.isArray(known)) known.push(value)
  else parent[name] = [known, value]
}

const localName = (name: string): string => name.slice(name.lastIndexOf(':') + 1)

function decoded(written: string, at: number): string {
  if (!written.includes('&')) return written
  let from = 0
  const text = written.replace(
    ENTITY,
    (_whole, name: string | undefined, decimal: string | undefined, hex: string | undefined, offset: number) => {
      if (written.slice(from, offset).includes('&')) throw new NotXml(at, 'an "&" that begins no reference')
      from = offset + _whole.length
      if (name !== undefined) return ENTITIES[name]
      const code = decimal === undefined ? parseInt(hex!, 16) : Number(decimal)
      const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
      const character = isCharacter ? String.fromCodePoint(code) : '\0'
      if (NO_CHARACTER.test(character)) throw new NotXml(at, `${_whole} is no character`)
      return character
    },
  )
  if (written.indexOf('&', from) >= 0) throw new NotXml(at, 'an "&" that begins no reference')
  return text
}

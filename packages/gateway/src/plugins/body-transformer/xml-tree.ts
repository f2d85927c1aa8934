import { XMLParser, XMLValidator } from 'fast-xml-parser'
import type { Decoded } from './input.ts'

const TEXT = '#text'
const ATTRIBUTES = ':@'

/** Elements within each other. */
const MAX_DEPTH = 100

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  textNodeName: TEXT,
  parseTagValue: false,
  trimValues: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // Without it not even &#65; is decoded.
  htmlEntities: true,
  maxNestedTags: MAX_DEPTH,
})

type Node = Readonly<Record<string, unknown>>

/**
 * A document as templates of APISIX see it: elements by name, without namespaces; one with nothing but text is that text, several of one name are a
 * list, attributes are in `_attr`, and text beside attributes or elements is the first of its list. Documents with a DOCTYPE are refused:
 * what it can do (entities within entities, files) nobody wants from strangers.
 */
export function xmlTree(text: string): Decoded {
  if (hasDoctype(text)) return { problem: 'has a DOCTYPE, which is not taken' }
  try {
    const valid = XMLValidator.validate(text)
    if (valid !== true)
      return { problem: `is not XML: line ${valid.err.line}, column ${valid.err.col}: ${valid.err.msg}` }
    const root = Object.create(null) as Record<string, unknown>
    add(root, parser.parse(text) as Node[])
    return { value: root }
  } catch (error) {
    return { problem: `is not XML: ${(error as Error).message}` }
  }
}

/** Whether one stands before the first element. */
function hasDoctype(text: string): boolean {
  let at = 0
  for (;;) {
    at = text.indexOf('<', at)
    if (at < 0) return false
    const isComment = text.startsWith('<!--', at)
    if (!isComment && text[at + 1] !== '?') return text[at + 1] === '!'
    at = text.indexOf(isComment ? '-->' : '?>', at + 2)
    if (at < 0) return false
  }
}

/** Adds child elements to those of their parent. @returns the text between them */
function add(parent: Record<string, unknown>, nodes: readonly Node[]): string {
  let text = ''
  for (const node of nodes) {
    for (const written of Object.keys(node)) {
      if (written === ATTRIBUTES) continue
      if (written === TEXT) {
        text += String(node[TEXT])
        continue
      }
      const name = localName(written)
      const value = element(node[written] as Node[], node[ATTRIBUTES] as Node | undefined)
      const known = parent[name]
      if (known === undefined) parent[name] = value
      else if (Array.isArray(known)) known.push(value)
      else parent[name] = [known, value]
    }
  }
  return text
}

function element(nodes: readonly Node[], attributes: Node | undefined): unknown {
  const object = Object.create(null) as Record<string, unknown>
  const text = add(object, nodes)
  if (attributes !== undefined) object['_attr'] = attributesOf(attributes)
  if (Object.keys(object).length === 0) return text
  if (text !== '') object['1'] = text
  return object
}

function attributesOf(written: Node): object {
  const attributes = Object.create(null) as Record<string, unknown>
  for (const [name, value] of Object.entries(written)) attributes[localName(name)] = value
  return attributes
}

const localName = (name: string): string => name.slice(name.lastIndexOf(':') + 1)

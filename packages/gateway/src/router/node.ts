import type { Cells } from './cells.ts'

/*
 * A node of the radix tree, as a block of cells:
 *
 *   +----------+-------+-----------+--------------------+-- 16-bit units --+-- 16-bit units --+-------------+
 *   | wildcard |  end  | parameter | children | length  | label            | first characters | children    |
 *   +----------+-------+-----------+--------------------+------------------+------------------+-------------+
 *        0         1         2              3             4 …
 *
 *   wildcard   what may follow here is anything: a list of candidates (in the tree of hosts: a leaf)
 *   end        the path may end here: a list of candidates, of patterns with parameters
 *   parameter  the node behind a parameter segment that starts here
 *   label      the text from the parent to here; the children are sorted by their first character
 *
 * The tree of /a/*, /api/:id, /api/:id/edit and /app/*:
 *
 *   (root) -- "/a" -+- "/"   wildcard: /a/*
 *                   `- "p" -+- "i/" -:- ""  end: /api/:id
 *                           |           `- "/edit"  end: /api/:id/edit
 *                           `- "p/"  wildcard: /app/*
 *
 * `-:-` leads to the parameter node, whose label is empty, as is the root's. Plain paths are not in the tree.
 */
export const WILDCARD = 0
export const END = 1
export const PARAMETER = 2
const SHAPE = 3
const LABEL = 4

/** A label is at most 4,096 characters long, which takes 13 bits; the other 19 count up to 65,536 children. */
const LENGTH_BITS = 13
const LENGTH_MASK = (1 << LENGTH_BITS) - 1

/** Above this many children a binary search beats looking at each; 16 first characters are half a line of cache. */
const SCAN_CHILDREN = 16

/** A node taken apart, to be changed. */
export interface NodeParts {
  wildcard: number
  end: number
  parameter: number
  label: string
  /** The first character of each child's label, ascending. */
  codes: number[]
  children: number[]
}

function halfOf(units: number): number {
  return (units + 1) >> 1
}

function sizeOf(length: number, count: number): number {
  return LABEL + halfOf(length) + halfOf(count) + count
}

export function writeNode(cells: Cells, parts: NodeParts): number {
  const { label, codes, children } = parts
  const node = cells.take(sizeOf(label.length, codes.length))
  const { ints, shorts } = cells
  ints[node + WILDCARD] = parts.wildcard
  ints[node + END] = parts.end
  ints[node + PARAMETER] = parts.parameter
  ints[node + SHAPE] = (codes.length << LENGTH_BITS) | label.length
  const text = (node + LABEL) * 2
  for (let at = 0; at < label.length; at++) shorts[text + at] = label.charCodeAt(at)
  const codesAt = node + LABEL + halfOf(label.length)
  shorts.set(codes, codesAt * 2)
  ints.set(children, codesAt + halfOf(codes.length))
  return node
}

export function newNode(cells: Cells, label: string): number {
  return writeNode(cells, { wildcard: 0, end: 0, parameter: 0, label, codes: [], children: [] })
}

export function readNode(cells: Cells, node: number): NodeParts {
  const { ints, shorts } = cells
  const count = childCount(ints, node)
  const codesAt = node + LABEL + halfOf(labelLength(ints, node))
  const childrenAt = codesAt + halfOf(count)
  return {
    wildcard: ints[node + WILDCARD],
    end: ints[node + END],
    parameter: ints[node + PARAMETER],
    label: labelText(cells, node),
    codes: [...shorts.subarray(codesAt * 2, codesAt * 2 + count)],
    children: [...ints.subarray(childrenAt, childrenAt + count)],
  }
}

/** Gives the block back; what it points to stays. */
export function giveNode(cells: Cells, node: number): void {
  cells.give(node, sizeOf(labelLength(cells.ints, node), childCount(cells.ints, node)))
}

/** Puts a changed node in place of the old one. Returns where it is now. */
export function replaceNode(cells: Cells, node: number, parts: NodeParts): number {
  giveNode(cells, node)
  return writeNode(cells, parts)
}

export function labelLength(ints: Int32Array, node: number): number {
  return ints[node + SHAPE] & LENGTH_MASK
}

export function childCount(ints: Int32Array, node: number): number {
  return ints[node + SHAPE] >>> LENGTH_BITS
}

export function labelText(cells: Cells, node: number): string {
  const { shorts } = cells
  let text = ''
  const from = (node + LABEL) * 2
  for (let at = from; at < from + labelLength(cells.ints, node); at++) text += String.fromCharCode(shorts[at])
  return text
}

/** The cell that holds the child whose label starts with `code`, 0 when there is none. */
export function childCell(cells: Cells, node: number, code: number): number {
  const { ints, shorts } = cells
  const shape = ints[node + SHAPE]
  const count = shape >>> LENGTH_BITS
  const codesAt = node + LABEL + halfOf(shape & LENGTH_MASK)
  const first = codesAt * 2
  let low = 0
  if (count > SCAN_CHILDREN) {
    for (let high = count; high - low > 1; ) {
      const middle = (low + high) >> 1
      if (shorts[first + middle] <= code) low = middle
      else high = middle
    }
    return shorts[first + low] === code ? codesAt + halfOf(count) + low : 0
  }
  for (; low < count; low++) {
    if (shorts[first + low] === code) return codesAt + halfOf(count) + low
  }
  return 0
}

/** The first unit of the label, for comparing it with text. */
export function labelStart(node: number): number {
  return (node + LABEL) * 2
}

import type { Cells } from './cells.ts'

/*
 * A node of the radix tree, as a block of cells:
 *
 *   +----------+-------+-----------+-------+-- 16-bit units -----------------+------------+
 *   | wildcard |  end  | parameter | shape | label, to a whole cell | codes | child, …   |
 *   +----------+-------+-----------+-------+---------------------------------+------------+
 *        0         1         2         3       4 …
 *
 *   wildcard   what may follow here is anything: a list of candidates (in the tree of hosts: a leaf)
 *   end        the path may end here: a list of candidates, of patterns with parameters
 *   parameter  the node behind a parameter segment that starts here
 *   shape      length of the label (13 bits), SPARSE (1 bit), number of cells for children (18 bits)
 *   label      the text from the parent to here
 *   codes      which first characters the children have. Dense: only the lowest; the child of character c is in the cell
 *              c - lowest, 0 when there is none. Sparse: one for each child, ascending.
 *
 * The tree of /a/*, /api/:id, /api/:id/edit and /app/*:
 *
 *   "/a" -+- "/"   wildcard: /a/*
 *         `- "p" -+- "i/" -:- ""  end: /api/:id
 *                 |           `- "/edit"  end: /api/:id/edit
 *                 `- "p/"  wildcard: /app/*
 *
 * `-:-` leads to the parameter node, whose label is what all that follows the parameter has in common: nothing here, as
 * one pattern ends there. Plain paths are not in the tree.
 *
 * Dense nodes are what makes digits cheap: ids give nodes of ten children, all equally likely, where any search by
 * comparing mispredicts a branch on every level.
 */
export const WILDCARD = 0
export const END = 1
export const PARAMETER = 2
const SHAPE = 3
const LABEL = 4

const LENGTH_MASK = (1 << 13) - 1
const SPARSE = 1 << 13
const CHILDREN_SHIFT = 14

/** Above this many children a binary search beats looking at each; 16 codes are half a line of cache. */
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

function codesCell(node: number, shape: number): number {
  return node + LABEL + halfOf(shape & LENGTH_MASK)
}

/** The first cell of the children. A dense node has one code. */
function childrenCell(node: number, shape: number): number {
  return codesCell(node, shape) + ((shape & SPARSE) === 0 ? 1 : halfOf(shape >>> CHILDREN_SHIFT))
}

function sizeOf(shape: number): number {
  return childrenCell(0, shape) + (shape >>> CHILDREN_SHIFT)
}

/** A dense node may have as many holes as children; a hole costs a cell where a code costs half of one. */
function shapeOf(label: string, codes: readonly number[]): number {
  const span = codes.length === 0 ? 0 : codes[codes.length - 1] - codes[0] + 1
  if (span <= codes.length * 2) return (span << CHILDREN_SHIFT) | label.length
  return (codes.length << CHILDREN_SHIFT) | SPARSE | label.length
}

export function writeNode(cells: Cells, parts: NodeParts): number {
  const { label, codes, children } = parts
  const shape = shapeOf(label, codes)
  const node = cells.take(sizeOf(shape))
  const { ints, shorts } = cells
  ints[node + WILDCARD] = parts.wildcard
  ints[node + END] = parts.end
  ints[node + PARAMETER] = parts.parameter
  ints[node + SHAPE] = shape
  for (let at = 0; at < label.length; at++) shorts[labelStart(node) + at] = label.charCodeAt(at)
  const codesAt = codesCell(node, shape)
  const childrenAt = childrenCell(node, shape)
  if ((shape & SPARSE) === 0) {
    shorts[codesAt * 2] = codes[0] ?? 0
    ints.fill(0, childrenAt, childrenAt + (shape >>> CHILDREN_SHIFT))
    for (const [index, code] of codes.entries()) ints[childrenAt + code - codes[0]] = children[index]
  } else {
    shorts.set(codes, codesAt * 2)
    ints.set(children, childrenAt)
  }
  return node
}

export function newNode(cells: Cells, label: string): number {
  return writeNode(cells, { wildcard: 0, end: 0, parameter: 0, label, codes: [], children: [] })
}

export function readNode(cells: Cells, node: number): NodeParts {
  const { ints, shorts } = cells
  const shape = ints[node + SHAPE]
  const codesAt = codesCell(node, shape) * 2
  const childrenAt = childrenCell(node, shape)
  const codes: number[] = []
  const children: number[] = []
  for (let index = 0; index < shape >>> CHILDREN_SHIFT; index++) {
    if (ints[childrenAt + index] === 0) continue
    codes.push((shape & SPARSE) === 0 ? shorts[codesAt] + index : shorts[codesAt + index])
    children.push(ints[childrenAt + index])
  }
  return {
    wildcard: ints[node + WILDCARD],
    end: ints[node + END],
    parameter: ints[node + PARAMETER],
    label: labelText(cells, node),
    codes,
    children,
  }
}

/** Gives the block back; what it points to stays. */
export function giveNode(cells: Cells, node: number): void {
  cells.give(node, sizeOf(cells.ints[node + SHAPE]))
}

/** Puts a changed node in place of the old one. Returns where it is now. */
export function replaceNode(cells: Cells, node: number, parts: NodeParts): number {
  giveNode(cells, node)
  return writeNode(cells, parts)
}

/** The first unit of the label, for comparing it with text. */
export function labelStart(node: number): number {
  return (node + LABEL) * 2
}

export function labelLength(ints: Int32Array, node: number): number {
  return ints[node + SHAPE] & LENGTH_MASK
}

function labelText({ ints, shorts }: Cells, node: number): string {
  const start = labelStart(node)
  let text = ''
  for (let at = 0; at < labelLength(ints, node); at++) text += String.fromCharCode(shorts[start + at])
  return text
}

/** How many children: 0, 1, or 2 for more. */
export function fewChildren(cells: Cells, node: number): number {
  const shape = cells.ints[node + SHAPE]
  const cellsOfChildren = shape >>> CHILDREN_SHIFT
  // The first and the last cell of a dense node are never holes.
  return Math.min(cellsOfChildren, 2)
}

/** The cell that holds the child whose label starts with `code`, 0 when there is none. */
export function childCell({ ints, shorts }: Cells, node: number, code: number): number {
  const shape = ints[node + SHAPE]
  const count = shape >>> CHILDREN_SHIFT
  const codesAt = codesCell(node, shape)
  if ((shape & SPARSE) === 0) {
    const index = code - shorts[codesAt * 2]
    return index >= 0 && index < count && ints[codesAt + 1 + index] !== 0 ? codesAt + 1 + index : 0
  }
  const first = codesAt * 2
  const childrenAt = codesAt + halfOf(count)
  let low = 0
  if (count <= SCAN_CHILDREN) {
    for (; low < count; low++) if (shorts[first + low] === code) return childrenAt + low
    return 0
  }
  for (let high = count; high - low > 1;) {
    const middle = (low + high) >> 1
    if (shorts[first + middle] <= code) low = middle
    else high = middle
  }
  return shorts[first + low] === code ? childrenAt + low : 0
}

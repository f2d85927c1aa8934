import type { Cells } from './cells.ts'
import {
  childCell,
  END,
  labelLength,
  labelStart,
  newNode,
  PARAMETER,
  readNode,
  replaceNode,
  WILDCARD,
  writeNode,
} from './node.ts'

/** A place in the tree: literals with a parameter between each two, then the end or a wildcard. */
export interface TreePath {
  readonly literals: readonly string[]
  readonly wildcard: boolean
}

/** Gives what is to stand at the place instead of `head`, the list that is there (0: none). */
export type Attach = (head: number) => number

/**
 * Makes the way to `path` in the tree of `root` (0: an empty one) and lets `attach` set what stands at its end. Returns the
 * root, which moves when it gets a new child, as any node does: each step writes the new place into what points there.
 */
export function insertPath(cells: Cells, root: number, path: TreePath, attach: Attach): number {
  return insertAt(cells, root, path, 0, 0, attach)
}

/** `node` (0: none) is where the literal `part` goes on from its character `from`. */
function insertAt(cells: Cells, node: number, path: TreePath, part: number, from: number, attach: Attach): number {
  const literal = path.literals[part]
  if (node === 0) return insertAfterLiteral(cells, newNode(cells, literal.slice(from)), path, part, attach)
  const upper = splitLabel(cells, node, commonLength(cells, node, literal, from))
  const at = from + labelLength(cells.ints, upper)
  if (at === literal.length) return insertAfterLiteral(cells, upper, path, part, attach)

  const code = literal.charCodeAt(at)
  const cell = childCell(cells, upper, code)
  if (cell === 0) return addChild(cells, upper, code, insertAt(cells, 0, path, part, at, attach))
  // A block keeps its place while its children move, so `cell` is good after the recursion.
  const child = insertAt(cells, cells.ints[cell], path, part, at, attach)
  cells.ints[cell] = child
  return upper
}

function insertAfterLiteral(cells: Cells, node: number, path: TreePath, part: number, attach: Attach): number {
  if (part < path.literals.length - 1) {
    const parameter = insertAt(cells, cells.ints[node + PARAMETER], path, part + 1, 0, attach)
    cells.ints[node + PARAMETER] = parameter
  } else {
    const field = path.wildcard ? WILDCARD : END
    const head = attach(cells.ints[node + field])
    cells.ints[node + field] = head
  }
  return node
}

function addChild(cells: Cells, node: number, code: number, child: number): number {
  const parts = readNode(cells, node)
  const after = parts.codes.findIndex((other) => other > code)
  const at = after < 0 ? parts.codes.length : after
  parts.codes.splice(at, 0, code)
  parts.children.splice(at, 0, child)
  return replaceNode(cells, node, parts)
}

/** Cuts the node in two after `length` characters of its label, unless that is all of it. Returns the upper one. */
function splitLabel(cells: Cells, node: number, length: number): number {
  if (length === labelLength(cells.ints, node)) return node
  const lower = readNode(cells, node)
  const label = lower.label.slice(0, length)
  lower.label = lower.label.slice(length)
  const codes = [lower.label.charCodeAt(0)]
  const children = [replaceNode(cells, node, lower)]
  return writeNode(cells, { wildcard: 0, end: 0, parameter: 0, label, codes, children })
}

/** How many characters the node's label and `literal` from `from` on have in common. */
function commonLength(cells: Cells, node: number, literal: string, from: number): number {
  const start = labelStart(node)
  const most = Math.min(labelLength(cells.ints, node), literal.length - from)
  for (let at = 0; at < most; at++) {
    if (cells.shorts[start + at] !== literal.charCodeAt(from + at)) return at
  }
  return most
}

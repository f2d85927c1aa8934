import type { Cells } from './cells.ts'
import type { Attach, TreePath } from './insertion.ts'
import { childCell, childCount, END, giveNode, labelLength, PARAMETER, readNode, replaceNode, WILDCARD, writeNode } from './node.ts'

/**
 * Lets `attach` change what stands at `path`, and takes away every node that leads to nothing then. Returns the root, 0
 * when the tree is empty. The path must be in the tree.
 */
export function removePath(cells: Cells, root: number, path: TreePath, attach: Attach): number {
  const node = removeLiteral(cells, root, path, 0, 0, attach)
  if (!isBare(cells, node)) return node
  giveNode(cells, node)
  return 0
}

function removeLiteral(cells: Cells, node: number, path: TreePath, part: number, from: number, attach: Attach): number {
  const literal = path.literals[part]
  if (from === literal.length) return removeAfterLiteral(cells, node, path, part, attach)
  const code = literal.charCodeAt(from)
  const cell = childCell(cells, node, code)
  if (cell === 0) throw new Error('the tree has lost a route')
  const length = labelLength(cells.ints, cells.ints[cell])
  const child = removeLiteral(cells, cells.ints[cell], path, part, from + length, attach)
  if (isBare(cells, child)) {
    giveNode(cells, child)
    return dropChild(cells, node, code)
  }
  const merged = mergeOnlyChild(cells, child)
  cells.ints[cell] = merged
  return node
}

function removeAfterLiteral(cells: Cells, node: number, path: TreePath, part: number, attach: Attach): number {
  if (part === path.literals.length - 1) {
    const field = path.wildcard ? WILDCARD : END
    const head = attach(cells.ints[node + field])
    cells.ints[node + field] = head
    return node
  }
  const below = removeLiteral(cells, cells.ints[node + PARAMETER], path, part + 1, 0, attach)
  const gone = isBare(cells, below)
  if (gone) giveNode(cells, below)
  cells.ints[node + PARAMETER] = gone ? 0 : below
  return node
}

/** Whether the node leads to nothing. */
function isBare(cells: Cells, node: number): boolean {
  return childCount(cells.ints, node) === 0 && standsAlone(cells, node)
}

/** Whether nothing but children hangs on the node. */
function standsAlone({ ints }: Cells, node: number): boolean {
  return ints[node + WILDCARD] === 0 && ints[node + END] === 0 && ints[node + PARAMETER] === 0
}

function dropChild(cells: Cells, node: number, code: number): number {
  const parts = readNode(cells, node)
  const at = parts.codes.indexOf(code)
  parts.codes.splice(at, 1)
  parts.children.splice(at, 1)
  return replaceNode(cells, node, parts)
}

/** Joins a node that only leads to one child with that child, so that a tree looks as if what was removed had never been. */
function mergeOnlyChild(cells: Cells, node: number): number {
  if (childCount(cells.ints, node) !== 1 || !standsAlone(cells, node)) return node
  const upper = readNode(cells, node)
  const lower = readNode(cells, upper.children[0])
  giveNode(cells, node)
  giveNode(cells, upper.children[0])
  return writeNode(cells, { ...lower, label: upper.label + lower.label })
}

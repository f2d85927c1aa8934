import type { Cells } from './cells.ts'
import type { Attach, TreePath } from './insertion.ts'
import {
  childCell,
  END,
  fewChildren,
  giveNode,
  labelLength,
  PARAMETER,
  readNode,
  replaceNode,
  WILDCARD,
  writeNode,
} from './node.ts'

/**
 * Lets `attach` change what stands at `path`, and takes away every node that leads to nothing then. Returns the root, 0
 * when the tree is empty. The path must be in the tree.
 */
export function removePath(cells: Cells, root: number, path: TreePath, attach: Attach): number {
  return removeAt(cells, root, path, 0, 0, attach)
}

/** `node` is where the literal `part` goes on from its character `from`. Returns what stands there then, 0 for nothing. */
function removeAt(cells: Cells, node: number, path: TreePath, part: number, from: number, attach: Attach): number {
  if (node === 0) throw new Error('the tree has lost a route')
  const at = from + labelLength(cells.ints, node)
  const atEnd = at === path.literals[part].length
  const left = atEnd
    ? removeAfterLiteral(cells, node, path, part, attach)
    : removeBelow(cells, node, path, part, at, attach)
  if (!isBare(cells, left)) return mergeOnlyChild(cells, left)
  giveNode(cells, left)
  return 0
}

function removeBelow(cells: Cells, node: number, path: TreePath, part: number, at: number, attach: Attach): number {
  const code = path.literals[part].charCodeAt(at)
  const cell = childCell(cells, node, code)
  const child = removeAt(cells, cell === 0 ? 0 : cells.ints[cell], path, part, at, attach)
  if (child === 0) return dropChild(cells, node, code)
  cells.ints[cell] = child
  return node
}

function removeAfterLiteral(cells: Cells, node: number, path: TreePath, part: number, attach: Attach): number {
  if (part < path.literals.length - 1) {
    const parameter = removeAt(cells, cells.ints[node + PARAMETER], path, part + 1, 0, attach)
    cells.ints[node + PARAMETER] = parameter
  } else {
    const field = path.wildcard ? WILDCARD : END
    const head = attach(cells.ints[node + field])
    cells.ints[node + field] = head
  }
  return node
}

/** Whether the node leads to nothing. */
function isBare(cells: Cells, node: number): boolean {
  return fewChildren(cells, node) === 0 && standsAlone(cells, node)
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
  if (fewChildren(cells, node) !== 1 || !standsAlone(cells, node)) return node
  const upper = readNode(cells, node)
  const lower = readNode(cells, upper.children[0])
  giveNode(cells, node)
  giveNode(cells, upper.children[0])
  return writeNode(cells, { ...lower, label: upper.label + lower.label })
}

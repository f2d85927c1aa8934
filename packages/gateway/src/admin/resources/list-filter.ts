import { runInNewContext } from 'node:vm'
import type { Item } from '../../control/control-plane.ts'
import { compileRegularExpression, ExpressionError } from '../../expressions/index.ts'
import type { AdminContext } from '../admin-options.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'
import { idText } from './envelope.ts'

/** For all items of a list together: an expression that takes longer does so on purpose. */
const MATCH_TIMEOUT_MS = 200

const MAX_PATTERN_LENGTH = 256

/** Fields that `filter=` compares, of these kinds. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  routes: ['service_id', 'upstream_id'],
  stream_routes: ['service_id', 'upstream_id'],
}

/** Applies the filters of the query: `name`, `uri` (regular expressions), `label` (a key), `filter` (`service_id=1`, as a query within). */
export function filterItems(c: AdminContext, kind: string, items: readonly Item[]): readonly Item[] {
  let found = items
  const label = c.req.query('label')
  if (label !== undefined) found = found.filter(({ value }) => Object.hasOwn(value['labels'] ?? {}, label))
  const filter = c.req.query('filter')
  if (filter !== undefined) found = byFields(found, filter, FILTERS[kind] ?? [], kind)
  const name = c.req.query('name')
  if (name !== undefined) found = matching(found, 'name', name, ({ value }) => [value['name']])
  const uri = c.req.query('uri')
  if (uri === undefined) return found
  return matching(found, 'uri', uri, ({ value }) => [value['uri'], ...((value['uris'] as unknown[] | undefined) ?? [])])
}

function byFields(items: readonly Item[], written: string, known: readonly string[], kind: string): readonly Item[] {
  const wanted = [...new URLSearchParams(written)]
  const unknown = wanted.find(([field]) => !known.includes(field))?.[0]
  if (unknown !== undefined) {
    const remedy = known.length === 0 ? 'leave it out' : `known fields are ${known.join(', ')}`
    throw badRequest(`invalid argument filter: ${kind} cannot be filtered by "${unknown}"; ${remedy}`)
  }
  return items.filter(({ value }) => wanted.every(([field, text]) => idText(value[field]) === text))
}

/** Items of which one of the texts matches. The expression is a stranger's: it runs where it can be stopped. */
function matching(
  items: readonly Item[],
  argument: string,
  pattern: string,
  textsOf: (item: Item) => readonly unknown[],
): readonly Item[] {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw badRequest(`invalid argument ${argument}: longer than ${MAX_PATTERN_LENGTH} characters`)
  const expression = compiled(argument, pattern)
  const texts = items.map((item) => textsOf(item).filter((text) => typeof text === 'string'))
  try {
    const matches = runInNewContext(
      'texts.map((list) => list.some((text) => expression.test(text)))',
      { texts, expression },
      { timeout: MATCH_TIMEOUT_MS },
    ) as boolean[]
    return items.filter((_item, index) => matches[index])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new AdminError(400, `invalid argument ${argument}: the expression takes too long; write a simpler one`)
  }
}

function compiled(argument: string, pattern: string): RegExp {
  try {
    return compileRegularExpression(pattern, false, '')
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    throw badRequest(`invalid argument ${argument}: ${error.message}`)
  }
}

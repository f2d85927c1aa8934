import type { RequestExplanation } from '@sekisho/gateway/internal/explain/index'
import { renderPlugins } from './plugins.ts'
import { renderUpstream } from './upstream.ts'
import { indented, printable, table } from './text.ts'

/** An explanation as text for people: the short answer first, then what led to it. */
export function renderExplanation(explanation: RequestExplanation): string {
  const parts = [outcome(explanation), route(explanation), notTaken(explanation), renderPlugins(explanation)]
  const text = [...parts, answer(explanation), renderUpstream(explanation)].filter((part) => part !== '').join('\n')
  return printable(text)
}

/** Two lines that say it all: the request as the gateway sees it, and what becomes of it. */
function outcome(explanation: RequestExplanation): string {
  const { request, refused, route: match, answer: given, upstream } = explanation
  const { method, target, host, remoteAddr, secure } = request
  const where = host === '' ? '' : `, host ${host}`
  const asked = `${method} ${target}${where}, from ${remoteAddr}${secure ? ', by TLS' : ''}`
  if (refused !== undefined) return `${asked}\n  => refused with ${refused.status} ${refused.reason}\n`
  const by = match === undefined ? 'no route matches' : `route ${match.id}`
  if (given !== undefined) {
    const who = given.plugin ?? `the gateway${mayAnswer(explanation) ? ', unless a plugin answers' : ''}`
    return `${asked}\n  => ${by}, ${given.status} from ${who}\n`
  }
  const node = upstream?.picked
  const to = node === undefined ? 'no node of the upstream can be picked' : `to ${node}`
  return `${asked}\n  => ${by}, ${to}${upstream?.certain === false && node !== undefined ? ' or another node' : ''}\n`
}

function route({ request, refused, route: match }: RequestExplanation): string {
  if (refused !== undefined) return ''
  if (match === undefined) return `Route\n  none matches ${request.path}\n`
  const { id, name, uri, host, why, params, serviceId } = match
  const rows = [
    ['matches', `${uri}${host === undefined ? '' : ` on ${host}`}`],
    ['because', why],
    ...(name === undefined ? [] : [['name', name]]),
    ...(serviceId === undefined ? [] : [['service', serviceId]]),
    ...Object.entries(params ?? {}).map(([key, value]) => [`:${key}`, value]),
  ]
  return `Route ${id}\n${indented(table(rows))}`
}

function notTaken({ notTaken: routes, moreNotTaken }: RequestExplanation): string {
  if (routes.length === 0) return ''
  const rows = routes.map(({ id, why }) => [id, why])
  const more = moreNotTaken === 0 ? '' : `  and ${moreNotTaken} more that do not fit (--all)\n`
  return `Routes not taken, the nearest first\n${indented(table(rows))}${more}`
}

function answer(explanation: RequestExplanation): string {
  const { answer: given } = explanation
  if (given === undefined) return ''
  const { status, plugin, headers, body } = given
  const from = plugin === undefined ? 'the gateway itself' : `the plugin ${plugin}`
  const unless = mayAnswer(explanation) ? ', unless a plugin marked "?" answers before' : ''
  const lines = [...headers.map(([name, value]) => `${name}: ${value}`), ...(body === '' ? [] : [body])]
  return `Answer ${status} from ${from}${unless}\n${indented(lines.map((line) => `${line}\n`).join(''))}`
}

/** Where the gateway has to answer itself, a plugin of which nothing is known may have done so before. */
function mayAnswer({ answer: given, phases }: RequestExplanation): boolean {
  if (given?.plugin !== undefined) return false
  return phases.some(({ plugins }) => plugins.some(({ outcome: each }) => each === 'undecided'))
}

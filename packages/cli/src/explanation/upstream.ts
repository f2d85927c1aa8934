import type { ExplainedUpstream, RequestExplanation } from '@sekisho/gateway/internal/explain/index'
import { indented, table } from './text.ts'

/** Which of several nodes is taken, for each way of balancing. */
const TURNS: Readonly<Record<string, string>> = {
  roundrobin: 'nodes take turns by weight',
  random: 'a node is drawn by weight',
  least_conn: 'the node with the fewest requests in flight',
  ewma: 'the faster one of two nodes drawn',
  peak_ewma: 'the one of two nodes drawn that is faster and has less to do',
  chash: 'always the same node for the same key',
}

/** Where the request goes, what arrives there, and how long it may take. */
export function renderUpstream({ upstream }: RequestExplanation): string {
  if (upstream === undefined) return ''
  const { place, type, scheme, picked, request, retries, retryTimeout, timeouts, unknown, service } = upstream
  const several = upstream.nodes.length > 1
  const rows = [
    ...functionRows(upstream),
    ...(picked === undefined
      ? []
      : [['node', `${scheme}://${picked}${several && !upstream.certain ? ' on a first request' : ''}`]]),
    ...(service === undefined ? [] : [['service', `${service}: what its nodes are, the running gateway knows`]]),
    ...(service === undefined && (several || picked === undefined)
      ? [['nodes', `${nodes(upstream)}${several ? `; ${TURNS[type] ?? type}` : ''}`]]
      : []),
    ['timeouts', `connect ${timeouts.connect} s, send ${timeouts.send} s, read ${timeouts.read} s`],
    ...grpcRows(upstream),
    ...(unknown.length === 0
      ? []
      : [['health', `taken as good; what ${unknown.join(', ')} found, /v1/healthcheck tells`]]),
    ['retries', retries === 0 ? 'none' : `up to ${retries}${retryTimeout === 0 ? '' : `, within ${retryTimeout} s`}`],
  ]
  const gets = request === undefined ? [] : arriving(request)
  const heading =
    picked === undefined && service === undefined
      ? `Upstream ${place}, which this request does not reach`
      : `Upstream ${place}`
  return `${heading}\n${indented(table([...rows, ...gets]))}`
}

/** What is asked, and how. */
const functionRows = ({ function: called }: ExplainedUpstream): string[][] =>
  called === undefined
    ? []
    : [
        ['function', `${called.name}, ${called.invocationType} with payload ${called.payload}`],
        ['call', `POST ${called.path}`],
      ]

/** What a gRPC call has in place of the time limits of other requests. */
function grpcRows({ grpc }: ExplainedUpstream): string[][] {
  if (grpc === undefined) return []
  const { policy = {}, readIsWritten } = grpc
  const said = [
    ...(readIsWritten ? [] : ['no read timeout for calls']),
    ...(policy.max_timeout === undefined ? [] : [`at most ${policy.max_timeout} s`]),
    ...(policy.default_timeout === undefined ? [] : [`${policy.default_timeout} s without a deadline`]),
    ...(policy.max_request_message_bytes === undefined
      ? []
      : [`request messages up to ${policy.max_request_message_bytes} bytes`]),
    ...(policy.max_response_message_bytes === undefined
      ? []
      : [`response messages up to ${policy.max_response_message_bytes} bytes`]),
    ...(policy.retry_on?.length ? [`another node on ${policy.retry_on.join(', ')}`] : []),
  ]
  return said.length === 0 ? [] : [['grpc', said.join('; ')]]
}

const nodes = ({ nodes: list }: ExplainedUpstream): string =>
  list
    .map(
      ({ address, weight, priority }) =>
        `${address} (weight ${weight}${priority === 0 ? '' : `, priority ${priority}`})`,
    )
    .join(', ')

function arriving({ method, target, host, changes }: NonNullable<ExplainedUpstream['request']>): string[][] {
  return [
    ['it gets', `${method} ${target}`],
    ['', `Host: ${host}`],
    ...changes.map(({ name, value }) => ['', value === undefined ? `${name} is taken out` : `${name}: ${value}`]),
  ]
}

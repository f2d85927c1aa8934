import { parseRuntime, RUNTIMES } from '@sekisho/functions/internal/runtimes/runtime-names'
import { suggest } from '../explain/suggest.ts'
import { type Findings, pointerPart } from '../problem.ts'
import type { FunctionsSetting } from '../settings/functions.ts'
import { type ListenAddress, parseListenAddress } from '../settings/listen.ts'
import type { Settings } from '../settings/settings.ts'

const DEFAULT_ADDRESS = '127.0.0.1:9190'
/** Of a gateway's own documents, where nothing else is said. */
const DEFAULT_STORE_PREFIX = '/sekisho'

/** What the schema of the function engine's settings cannot say. */
export function checkFunctions(findings: Findings, settings: Settings): void {
  const { functions } = settings
  if (functions === undefined) return
  if (functions.packages?.type === 's3' && functions.s3 === undefined)
    findings.add({
      path: '/functions/packages',
      message: 'packages in a bucket need an object store',
      remedy: 'add "functions.s3" with endpoint and keys',
    })
  checkPlace(findings, settings, functions.address ?? DEFAULT_ADDRESS)
  checkInterpreters(findings, functions.interpreters ?? {})
  checkStore(findings, settings, functions.store)
}

/** Nobody else of this node listens there. */
function checkPlace(findings: Findings, settings: Settings, address: number | string): void {
  const own = parseListenAddress(address)
  // Said already.
  if (typeof own === 'string') return
  for (const [where, other] of otherPlaces(settings)) {
    if (!collide(own, other)) continue
    const written = settings.functions?.address !== undefined
    findings.add({
      path: written ? '/functions/address' : '/functions',
      value: written ? JSON.stringify(address) : undefined,
      message: `${written ? 'is' : `${address} is`} the address of "${where}" already`,
      remedy: 'give the function engine another port in "address"',
    })
    return
  }
}

function* otherPlaces({ listen = [], admin, metrics, store }: Settings): Generator<readonly [string, ListenAddress]> {
  for (const [index, one] of listen.entries()) {
    if (typeof one === 'object' && one.protocol === 'udp') continue
    const parsed = parseListenAddress(typeof one === 'object' ? one.address : one)
    if (typeof parsed !== 'string') yield [`listen/${index}`, parsed]
  }
  const places: (readonly [string, number | string])[] = []
  if (metrics !== false) places.push(['metrics', metrics?.address ?? '127.0.0.1:9091'])
  // A store that cannot be edited by hand has an Admin API without being asked.
  if (admin !== undefined || (store !== undefined && store.type !== 'file'))
    places.push(['admin', admin?.address ?? '127.0.0.1:9180'])
  for (const [name, address] of places) {
    const parsed = parseListenAddress(address)
    if (typeof parsed !== 'string') yield [name, parsed]
  }
}

function collide(one: ListenAddress, other: ListenAddress): boolean {
  if (one.path !== undefined || other.path !== undefined) return one.path === other.path
  if (one.port === 0 || one.port !== other.port) return false
  return everyAddress(one) || everyAddress(other) || one.host === other.host
}

const everyAddress = ({ host }: ListenAddress): boolean => host === undefined || host === '0.0.0.0' || host === '::'

function checkInterpreters(findings: Findings, interpreters: NonNullable<FunctionsSetting['interpreters']>): void {
  const names = RUNTIMES.filter((name) => !name.startsWith('provided'))
  for (const [runtime, program] of Object.entries(interpreters)) {
    const path = `/functions/interpreters/${pointerPart(runtime)}`
    const family = parseRuntime(runtime)?.family
    if (family === undefined || family === 'provided') {
      const meant = suggest(runtime, names)
      findings.add({
        path,
        atKey: true,
        value: JSON.stringify(runtime),
        message:
          family === undefined
            ? 'there is no runtime of this name'
            : 'runs a program of its own, without an interpreter',
        remedy: meant === undefined ? `write one of ${names.join(', ')}` : `did you mean "${meant}"?`,
      })
    } else if (!program.includes('/') && !STAND_IN[family].test(program)) {
      findings.add({
        path,
        value: JSON.stringify(program),
        message: 'is neither a path nor a runtime that may stand in',
        remedy: `write a path, or a runtime as "${family === 'nodejs' ? 'nodejs24.x' : 'python3.12'}"`,
      })
    }
  }
}

/** Any version that this host has will do, also one that is no runtime of its own. */
const STAND_IN = { nodejs: /^nodejs\d+\.x$/, python: /^python3\.\d+$/ } as const

function checkStore(findings: Findings, settings: Settings, store: FunctionsSetting['store']): void {
  if (store?.type !== 'etcd') return
  const { tls, endpoints, prefix = '/sekisho-functions' } = store
  if (tls !== undefined && !endpoints.some((endpoint) => endpoint.startsWith('https://')))
    findings.add({
      path: '/functions/store/tls',
      atKey: true,
      message: 'no endpoint begins with "https://"',
      remedy: 'write "https://HOST:PORT", or remove "tls"',
    })
  if (settings.store?.type !== 'etcd') return
  const { prefix: routes = DEFAULT_STORE_PREFIX } = settings.store
  if (`${prefix}/`.startsWith(`${routes}/`) || `${routes}/`.startsWith(`${prefix}/`))
    findings.add({
      path: store.prefix === undefined ? '/functions/store' : '/functions/store/prefix',
      value: JSON.stringify(prefix),
      message: `lies in the same place as the prefix of "store", ${JSON.stringify(routes)}`,
      remedy: 'write one of its own, as "/sekisho-functions"',
    })
}

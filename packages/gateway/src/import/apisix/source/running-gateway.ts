import { APISIX_KINDS, isFields, type SourceItem } from './source-item.ts'
import { exportedItems } from './admin-export.ts'

const TIMEOUT_MS = 30_000

/** Why a running gateway could not be asked, in words. */
export interface Unreadable {
  readonly failure: string
}

/** An answer of the Admin API. */
interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * Reads everything from the Admin API of a running APISIX. Never throws for what it answers.
 *
 * @param address `http://127.0.0.1:9180`; a path behind it is kept, for gateways that have the API elsewhere
 * @param pluginNames of which the metadata is asked, one by one, where there is no list of them
 */
export async function readRunningGateway(
  address: string,
  key: string | undefined,
  pluginNames: readonly string[],
): Promise<readonly SourceItem[] | Unreadable> {
  const base = /\/apisix\/admin\/?$/.test(address)
    ? address.replace(/\/$/, '')
    : `${address.replace(/\/$/, '')}/apisix/admin`
  const ask = (path: string): Promise<Answer> => get(`${base}${path}`, key)
  const items: SourceItem[] = []
  try {
    for (const kind of APISIX_KINDS) {
      const answer = await ask(`/${kind}`)
      const failure = failureOf(base, answer, key !== undefined)
      if (failure !== undefined) return { failure }
      if (answer.status === 200) items.push(...named(answer.body))
      else if (kind === 'plugin_metadata') items.push(...(await metadataOneByOne(ask, pluginNames)))
    }
    for (const { value } of items.filter(({ kind }) => kind === 'consumers')) {
      const name = String(value['username'])
      const { status, body } = await ask(`/consumers/${encodeURIComponent(name)}/credentials`)
      if (status === 200)
        items.push(...named(body).filter(({ value: one }) => String(one['id']).includes('/credentials/')))
    }
    return items
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ECONNREFUSED' ? 'nothing listens there' : message
    return { failure: `${base} cannot be asked: ${reason}` }
  }
}

/** Each by kind and id, as there are no lines to point to. */
const named = (body: unknown): SourceItem[] =>
  exportedItems(body).map((item) => ({
    ...item,
    path: `/${item.kind}/${String(item.value['id'] ?? item.value['username'])}`,
  }))

async function metadataOneByOne(
  ask: (path: string) => Promise<Answer>,
  names: readonly string[],
): Promise<SourceItem[]> {
  const items: SourceItem[] = []
  for (const name of names) {
    const { status, body } = await ask(`/plugin_metadata/${name}`)
    if (status !== 200 || !isFields(body) || !isFields(body['value'])) continue
    items.push({ kind: 'plugin_metadata', path: `/plugin_metadata/${name}`, value: { id: name, ...body['value'] } })
  }
  return items
}

async function get(url: string, key: string | undefined): Promise<Answer> {
  const response = await fetch(url, {
    // The key is for this address alone.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: key === undefined ? {} : { 'X-API-KEY': key },
  })
  const text = await response.text()
  try {
    return { status: response.status, body: JSON.parse(text) as unknown }
  } catch {
    return { status: response.status, body: undefined }
  }
}

/** What stops an import, as opposed to a list that this version of APISIX does not have. */
function failureOf(base: string, { status, body }: Answer, withKey: boolean): string | undefined {
  if (status === 401 || status === 403) {
    const remedy = withKey ? 'it does not know this key' : 'give its admin key by --admin-key'
    return `${base} answers with ${status}: ${status === 403 ? 'this address may not ask ("allow_admin" there)' : remedy}`
  }
  if (status === 200 && !isFields(body)) return `${base} answers, and not as the Admin API of APISIX does`
  return status >= 500 ? `${base} answers with ${status}` : undefined
}

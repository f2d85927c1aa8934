import { decodeLabel } from '../control-api/percent-decoding.ts'
import { hostName } from '../control-api/browser-guard.ts'

const PREFIX = '/lambda-url/'
const LABEL = '.lambda-url.'

export const isUrlHost = (host: string): boolean => host.includes(LABEL)
export const isUrlPath = (path: string): boolean => path.startsWith(PREFIX)

/** What a request names, and the path that the function sees. */
export interface NamedUrl {
  /** The id of a function URL; of a path also the name of a function, `name:alias`. */
  readonly name: string
  readonly path: string
}

/** `https://<id>.lambda-url.<region>.on.aws/a`, or whatever comes behind `.lambda-url.` */
export const urlOfHost = (host: string, path: string): NamedUrl => {
  const name = hostName(host)
  return { name: name.slice(0, name.indexOf(LABEL)), path }
}

/** `/lambda-url/<id or name>/a`; undefined when it is encoded badly. */
export function urlOfPath(path: string): NamedUrl | undefined {
  const end = path.indexOf('/', PREFIX.length)
  const name = decodeLabel(path.slice(PREFIX.length, end < 0 ? path.length : end))
  return name === undefined ? undefined : { name, path: end < 0 ? '/' : path.slice(end) }
}

/** The address that clients of this host call a function URL by; the form with the id as host needs a name that leads here. */
export const functionUrlAddress = (origin: string, id: string): string => `${origin}${PREFIX}${id}/`

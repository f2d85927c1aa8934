/** Where a project of Sentry takes events, and as whom. */
export interface Dsn {
  /** `https://HOST/PATH/api/PROJECT/envelope/`. */
  readonly endpoint: URL
  readonly publicKey: string
  /** Of old servers. */
  readonly secretKey: string | undefined
}

/** `PROTOCOL://PUBLIC_KEY[:SECRET_KEY]@HOST[:PORT][/PATH]/PROJECT_ID`; a string says what is wrong. */
export function parseDsn(text: string): Dsn | string {
  if (!URL.canParse(text)) return 'is not a DSN; write it as "https://KEY@HOST/PROJECT"'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with "http://" or "https://"'
  if (url.username === '') return 'has no public key; write it as "https://KEY@HOST/PROJECT"'
  const slash = url.pathname.lastIndexOf('/')
  const project = url.pathname.slice(slash + 1)
  if (!/^[\w-]+$/.test(project)) return 'has no project; write it as "https://KEY@HOST/PROJECT"'
  if (!KEY.test(url.username) || !KEY.test(url.password))
    return 'has a key with other characters than letters, digits, "-" and "_"'
  return {
    endpoint: new URL(`${url.protocol}//${url.host}${url.pathname.slice(0, slash)}/api/${project}/envelope/`),
    publicKey: url.username,
    secretKey: url.password === '' ? undefined : url.password,
  }
}

const KEY = /^[\w-]*$/

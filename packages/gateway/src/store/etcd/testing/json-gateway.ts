/** etcd's own translation of JSON to its calls: a writer and reader that shares no code with the client. */
export class JsonGateway {
  readonly #url: string
  #token: string | undefined

  constructor(url: string) {
    this.#url = url
  }

  async put(key: string, value: string): Promise<number> {
    const { header } = await this.call<{ header: { revision: string } }>('kv/put', {
      key: base64(key),
      value: base64(value),
    })
    return Number(header.revision)
  }

  async get(key: string): Promise<string | undefined> {
    const { kvs } = await this.call<{ kvs?: { value?: string }[] }>('kv/range', { key: base64(key) })
    return kvs?.[0] && text(kvs[0].value)
  }

  /** All keys that begin with a text. */
  async keys(start: string): Promise<string[]> {
    const request = { key: base64(start), range_end: base64(`${start.slice(0, -1)}${after(start)}`), keys_only: true }
    const { kvs } = await this.call<{ kvs?: { key: string }[] }>('kv/range', request)
    return (kvs ?? []).map(({ key }) => text(key))
  }

  async delete(key: string): Promise<void> {
    await this.call('kv/deleterange', { key: base64(key) })
  }

  async revision(): Promise<number> {
    const { header } = await this.call<{ header: { revision: string } }>('kv/range', { key: base64('x') })
    return Number(header.revision)
  }

  async compact(): Promise<void> {
    await this.call('kv/compaction', { revision: String(await this.revision()), physical: true })
  }

  /** Root with a password, and a user who may do anything below a prefix; everybody else may nothing from then on. */
  async enableUsers(user: string, password: string, prefix: string): Promise<void> {
    await this.call('auth/user/add', { name: 'root', password: 'root' })
    await this.call('auth/user/grant', { user: 'root', role: 'root' }).catch(async () => {
      await this.call('auth/role/add', { name: 'root' })
      await this.call('auth/user/grant', { user: 'root', role: 'root' })
    })
    await this.call('auth/role/add', { name: 'gateway' })
    const perm = {
      permType: 'READWRITE',
      key: base64(prefix),
      range_end: base64(`${prefix.slice(0, -1)}${after(prefix)}`),
    }
    await this.call('auth/role/grant', { name: 'gateway', perm })
    await this.call('auth/user/add', { name: user, password })
    await this.call('auth/user/grant', { user, role: 'gateway' })
    await this.call('auth/enable', {})
  }

  async signIn(name: string, password: string): Promise<void> {
    this.#token = (await this.call<{ token: string }>('auth/authenticate', { name, password })).token
  }

  async call<Reply>(method: string, request: object): Promise<Reply> {
    const response = await fetch(`${this.#url}/v3/${method}`, {
      method: 'POST',
      body: JSON.stringify(request),
      headers: this.#token === undefined ? {} : { authorization: this.#token },
    })
    if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Reply
  }
}

const base64 = (value: string): string => Buffer.from(value).toString('base64')
const text = (value = ''): string => Buffer.from(value, 'base64').toString()
const after = (start: string): string => String.fromCharCode(start.charCodeAt(start.length - 1) + 1)

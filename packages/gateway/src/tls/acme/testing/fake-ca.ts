import { randomBytes, type KeyObject } from 'node:crypto'
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Issuer } from './issuer.ts'
import {
  AcmeProblem,
  checkBinding,
  checkSignature,
  decode,
  malformed,
  parseJws,
  publicKeyOf,
  thumbprint,
  type ParsedJws,
} from './jws.ts'

interface Account {
  readonly url: string
  readonly key: KeyObject
  readonly contact: readonly string[]
}
interface Challenge {
  readonly url: string
  readonly type: string
  readonly token: string
  status: 'pending' | 'valid' | 'invalid'
  error?: object
}
interface Authorization {
  readonly url: string
  readonly identifier: { readonly type: string; readonly value: string }
  status: 'pending' | 'valid' | 'invalid' | 'deactivated'
  readonly challenges: readonly Challenge[]
}
interface Order {
  readonly url: string
  readonly account: Account
  readonly authorizations: readonly Authorization[]
  certificate: string | undefined
}

export interface FakeCaOptions {
  /** Where names lead to: the port of the gateway that is to answer. */
  readonly validationPort: () => number | Promise<number>
  readonly externalAccount?: { readonly kid: string; readonly hmacKey: string }
  readonly challengeTypes?: readonly string[]
}

interface Reply {
  readonly status: number
  readonly body: object | string
  readonly location?: string
}

/** An ACME authority (RFC 8555) that believes nothing: nonces, signatures, the order of steps, challenges and requests are checked. */
export class FakeCa {
  readonly issuer = new Issuer()
  readonly accounts: Account[] = []
  /** All requests, as `POST /newOrder`. */
  readonly requests: string[] = []
  /** What was wrong with requests. */
  readonly problems: string[] = []
  days = 90
  /** The next nonce is refused once. */
  refuseNonce = false
  private readonly options: FakeCaOptions
  private readonly server: Server
  private readonly nonces = new Set<string>()
  private readonly orders: Order[] = []

  private constructor(options: FakeCaOptions) {
    this.options = options
    this.server = createServer((request, response) => void this.serve(request, response))
  }

  static async start(options: FakeCaOptions): Promise<FakeCa> {
    const ca = new FakeCa(options)
    await new Promise<void>((resolve) => ca.server.listen(0, '127.0.0.1', resolve))
    return ca
  }

  get directory(): string {
    return this.url('directory')
  }

  close(): Promise<void> {
    this.issuer.close()
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }

  private url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${path}`
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`)
    let reply: Reply
    try {
      reply = await this.answer(request)
    } catch (error) {
      const problem = error instanceof AcmeProblem ? error : malformed(String(error))
      this.problems.push(`${problem.type}: ${problem.message}`)
      reply = {
        status: problem.status,
        body: { type: `urn:ietf:params:acme:error:${problem.type}`, detail: problem.message, status: problem.status },
      }
    }
    const nonce = randomBytes(12).toString('base64url')
    this.nonces.add(nonce)
    const text = typeof reply.body === 'string'
    response.writeHead(reply.status, {
      'Replay-Nonce': nonce,
      'Cache-Control': 'no-store',
      'Content-Type': text ? 'application/pem-certificate-chain' : 'application/json',
      ...(reply.location === undefined ? {} : { Location: reply.location }),
    })
    response.end(text ? reply.body : JSON.stringify(reply.body))
  }

  private async answer(request: IncomingMessage): Promise<Reply> {
    const path = (request.url ?? '').slice(1)
    if (request.method === 'GET' && path === 'directory') return { status: 200, body: this.directoryObject() }
    if (request.method === 'HEAD' && path === 'newNonce') return { status: 200, body: {} }
    if (request.method !== 'POST') throw malformed(`${request.method} ${path}`)
    if (request.headers['content-type'] !== 'application/jose+json')
      throw new AcmeProblem('malformed', 415, `content type ${request.headers['content-type']}`)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const jws = parseJws(Buffer.concat(chunks).toString())
    const { header } = jws
    if (header.nonce === undefined || !this.nonces.delete(header.nonce) || this.refuseNonce) {
      this.refuseNonce = false
      throw new AcmeProblem('badNonce', 400, `nonce ${header.nonce}`)
    }
    if (header.url !== this.url(path)) throw new AcmeProblem('unauthorized', 403, `signed for ${header.url}`)
    if (path === 'newAccount') return this.newAccount(jws)
    const account = this.accounts.find(({ url }) => url === header.kid)
    if (account === undefined) throw new AcmeProblem('accountDoesNotExist', 400, `account ${header.kid}`)
    checkSignature(jws, account.key)
    return this.known(path, jws, account)
  }

  private directoryObject(): object {
    const names = ['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange']
    return {
      ...Object.fromEntries(names.map((name) => [name, this.url(name)])),
      meta: { termsOfService: this.url('terms'), externalAccountRequired: this.options.externalAccount !== undefined },
    }
  }

  private newAccount(jws: ParsedJws): Reply {
    const { header, payload = {} } = jws
    if (header.jwk === undefined) throw malformed('newAccount without jwk')
    const key = publicKeyOf(header.jwk)
    checkSignature(jws, key)
    const known = this.accounts.find((account) => thumbprint(account.key) === thumbprint(key))
    if (known !== undefined) return { status: 200, body: accountObject(known), location: known.url }
    if (payload['termsOfServiceAgreed'] !== true)
      throw new AcmeProblem('userActionRequired', 403, 'the terms were not agreed to')
    const { externalAccount } = this.options
    if (externalAccount !== undefined) {
      if (payload['externalAccountBinding'] === undefined)
        throw new AcmeProblem('externalAccountRequired', 403, 'no external account')
      const { kid, hmacKey } = externalAccount
      checkBinding(payload['externalAccountBinding'], header.url, kid, hmacKey, key)
    }
    const contact = (payload['contact'] ?? []) as string[]
    const account = { url: this.url(`account/${this.accounts.length}`), key, contact }
    this.accounts.push(account)
    return { status: 201, body: accountObject(account), location: account.url }
  }

  private async known(path: string, { payload }: ParsedJws, account: Account): Promise<Reply> {
    if (this.url(path) === account.url) return { status: 200, body: accountObject(account) }
    if (path === 'newOrder') return this.newOrder(payload ?? {}, account)
    const [kind, index, ...rest] = path.split('/')
    const order = this.orders[Number(index)]
    if (order === undefined || order.account !== account) throw new AcmeProblem('unauthorized', 403, path)
    const authorization = order.authorizations[Number(rest[0])]
    const get = payload === undefined
    if (kind === 'order' && get) return { status: 200, body: this.orderObject(order) }
    if (kind === 'authorization' && get) return { status: 200, body: authorization }
    if (kind === 'authorization' && payload?.['status'] === 'deactivated') {
      authorization.status = 'deactivated'
      return { status: 200, body: authorization }
    }
    if (kind === 'challenge') {
      const challenge = authorization.challenges[Number(rest[1])]
      if (!get) await this.validate(authorization, challenge, account)
      return { status: 200, body: challenge }
    }
    if (kind === 'finalize' && !get) return this.finalize(order, payload)
    if (kind === 'certificate' && get && order.certificate !== undefined)
      return { status: 200, body: order.certificate }
    throw malformed(`${path} ${JSON.stringify(payload)}`)
  }

  private newOrder(payload: Readonly<Record<string, unknown>>, account: Account): Reply {
    const identifiers = payload['identifiers'] as Authorization['identifier'][]
    const number = this.orders.length
    const types = this.options.challengeTypes ?? ['dns-01', 'http-01', 'tls-alpn-01']
    const order: Order = {
      url: this.url(`order/${number}`),
      account,
      certificate: undefined,
      authorizations: identifiers.map((identifier, index) => ({
        url: this.url(`authorization/${number}/${index}`),
        identifier,
        status: 'pending',
        challenges: types.map((type, at) => ({
          url: this.url(`challenge/${number}/${index}/${at}`),
          type,
          token: randomBytes(16).toString('base64url'),
          status: 'pending',
        })),
      })),
    }
    this.orders.push(order)
    return { status: 201, body: this.orderObject(order), location: order.url }
  }

  private orderObject(order: Order): object {
    const number = this.orders.indexOf(order)
    const { authorizations, certificate } = order
    return {
      status: certificate === undefined ? stateOf(order) : 'valid',
      identifiers: authorizations.map(({ identifier }) => identifier),
      authorizations: authorizations.map(({ url }) => url),
      finalize: this.url(`finalize/${number}`),
      ...(certificate === undefined ? {} : { certificate: this.url(`certificate/${number}`) }),
    }
  }

  /** RFC 8555 section 8.3. */
  private async validate(authorization: Authorization, challenge: Challenge, { key }: Account): Promise<void> {
    if (challenge.type !== 'http-01')
      throw malformed(`this authority validates by HTTP alone, not by ${challenge.type}`)
    const found = await fetched(await this.options.validationPort(), authorization.identifier.value, challenge.token)
    if (found.trimEnd() === `${challenge.token}.${thumbprint(key)}`) {
      challenge.status = authorization.status = 'valid'
      return
    }
    challenge.status = authorization.status = 'invalid'
    challenge.error = {
      type: 'urn:ietf:params:acme:error:unauthorized',
      detail: `the host answered ${found}`,
      status: 403,
    }
    this.problems.push(`validation: the host answered ${found}`)
  }

  private finalize(order: Order, payload: Readonly<Record<string, unknown>>): Reply {
    if (stateOf(order) !== 'ready') throw new AcmeProblem('orderNotReady', 403, `the order is ${stateOf(order)}`)
    const names = order.authorizations.map(({ identifier }) => identifier.value)
    order.certificate = this.issuer.issue(decode(String(payload['csr'])), names, this.days)
    return { status: 200, body: this.orderObject(order) }
  }
}

const accountObject = ({ contact }: Account): object => ({ status: 'valid', contact })

const stateOf = ({ authorizations }: Order): string =>
  authorizations.every(({ status }) => status === 'valid')
    ? 'ready'
    : authorizations.some(({ status }) => status !== 'pending' && status !== 'valid')
      ? 'invalid'
      : 'pending'

/** What a host answers for a token: its body, or its status when that is not 200. */
function fetched(port: number, host: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const path = `/.well-known/acme-challenge/${token}`
    get({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => resolve(response.statusCode === 200 ? body : `status ${response.statusCode}`))
    }).on('error', reject)
  })
}

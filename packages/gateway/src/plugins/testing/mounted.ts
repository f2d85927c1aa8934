import { SharedTable, type ResponseBody, type ResponseFields } from '@sekisho/proxy'
import { DEFAULT_H1_LIMITS, Headers, parseRequestHead, RequestHead, ResponseHead } from '@sekisho/wire'
import { explainSchema } from '../../config/explain/explain.ts'
import { RequestContext } from '../../request-context.ts'
import { withDefaults } from '../../resources/defaults.ts'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'
import type { PluginDefinition, PluginHooks } from '../definition.ts'

/** Any plugin: what `definePlugin` returns is too exactly typed for a list of them. */
type Plugin = Pick<PluginDefinition, 'name' | 'schema'>

/** What is wrong with a configuration, as `path: message`, by its schema or else by the plugin's own check. */
export function problemsOf(plugin: Plugin, config: unknown): string[] {
  const definition = plugin as unknown as PluginDefinition
  const found = explainSchema(definition.schema, config, '')
  if (found.length > 0) return found.map(({ path, message }) => `${path}: ${message}`)
  const wrong = definition.check?.(withDefaults(definition.schema, config))
  return wrong === undefined ? [] : [`${wrong.path}: ${wrong.message}`]
}

/** A line that a plugin logged: level, fields, message. */
export type LogLine = readonly [level: 'error' | 'warn' | 'info', fields: object, message: string]

/** What mounts share, in place of a worker. */
export class TestWorker {
  readonly counters = new SharedTable(SharedTable.createBuffer({ cells: 3, slots: 1_024, seed: [1, 2] }), 0)
  readonly inFlight = new SharedTable(SharedTable.createBuffer({ cells: 2, slots: 1_024, seed: [3, 4] }), 0)
  readonly lines: LogLine[] = []
  /** Those that may stand within others. */
  readonly plugins: Plugin[] = []

  /** The hooks of a plugin that is configured in a place. Throws when the configuration is refused. */
  mount(plugin: Plugin, config: object, scope = 'routes/1', metadata: object = {}): PluginHooks {
    const problems = problemsOf(plugin, config)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    const definition = plugin as unknown as PluginDefinition
    const { schema, metadataSchema } = definition
    const [kind, id] = scope.split('/')
    const context = {
      place: { kind, id },
      scope,
      metadata: metadataSchema === undefined ? metadata : withDefaults(metadataSchema, metadata),
      counters: this.counters,
      inFlight: this.inFlight,
      workerIndex: 0,
      instance: (name: string, inner: object) => {
        const found = this.plugins.find((one) => one.name === name)
        if (found === undefined) throw new Error(`the test has no plugin "${name}"`)
        return this.mount(found, inner, `${scope}/${name}`)
      },
      logger: {
        error: (fields: object, message: string) => this.lines.push(['error', fields, message]),
        warn: (fields: object, message: string) => this.lines.push(['warn', fields, message]),
        info: (fields: object, message: string) => this.lines.push(['info', fields, message]),
      },
    } as unknown as PluginContext
    return definition.create(withDefaults(schema, config), context)
  }
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly remoteAddress?: string
  readonly method?: string
}

/** A session without sockets: a request as a client sent it, and what plugins did with it. */
export class TestSession {
  readonly request: RequestHead
  readonly remoteAddress: string
  readonly protocol = 'HTTP/1.1'
  readonly ctx: RequestContext
  response: ResponseHead | undefined = undefined
  startedAt = 1_000
  sentAt = 0
  finishedAt = 0
  answer: { status: number; body: ResponseBody; headers: Headers } | undefined = undefined

  constructor(target = '/', { headers = {}, remoteAddress = '192.0.2.1', method = 'GET' }: RequestOptions = {}) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    const text = [`${method} ${target} HTTP/1.1`, 'Host: example.com', ...lines, '', ''].join('\r\n')
    const head = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
    if (!(head instanceof RequestHead)) throw new Error(`the test made a bad request: ${head.message}`)
    this.request = head
    this.remoteAddress = remoteAddress
    this.ctx = new RequestContext(this.asSession)
  }

  get asSession(): GatewaySession {
    return this as unknown as GatewaySession
  }

  get responded(): boolean {
    return this.answer !== undefined
  }

  respond(status: number, body: ResponseBody = '', headers: ResponseFields = {}): void {
    this.answer ??= { status, body, headers: Headers.from(headers) }
  }

  withdrawResponse(): ResponseHead | undefined {
    const { answer } = this
    this.answer = undefined
    return answer && new ResponseHead(answer.status, '', answer.headers)
  }

  /** Runs the phases from `access` to the response of an upstream, or the plugin's own; returns its head. */
  async run(hooks: PluginHooks, upstream: Readonly<Record<string, string>> = {}): Promise<ResponseHead> {
    await hooks.rewrite?.(this.asSession)
    if (!this.responded) await hooks.access?.(this.asSession)
    return this.receive(hooks, this.answer?.status ?? 200, this.answer?.headers ?? Headers.from(upstream))
  }

  receive(hooks: PluginHooks, status: number, headers: Headers): ResponseHead {
    this.response = new ResponseHead(status, '', headers)
    hooks.headerFilter?.(this.asSession)
    return this.response
  }

  end(hooks: PluginHooks, finishedAt = 2_000): void {
    this.finishedAt = finishedAt
    hooks.log?.(this.asSession)
  }
}

import { beforeAuthentication } from '../gateway/preflight.ts'
import type { MountedPlugin } from '../plan/mounted-plugin.ts'
import type { Plan } from '../plan/plan.ts'
import { passes, runChain } from '../plan/run-chain.ts'
import { loadBuiltIn } from '../plugins/built-in.ts'
import type { PluginRegistry } from '../plugins/plugin-registry.ts'
import type { Consumer } from '../consumers/consumer-directory.ts'
import { type ExplainedPhase, type ExplainedPlugin, PHASES, type PhaseName } from './explanation.ts'
import type { OfflineSession } from './offline-session.ts'

/**
 * Built-in plugins that go by the request and the configuration alone, and touch nothing but the session: they are run.
 * Others are listed; code of the user's may call other services, and is never run for an explanation.
 */
const BY_REQUEST_ALONE: ReadonlySet<string> = new Set([
  'acl',
  'attach-consumer-label',
  'basic-auth',
  'consumer-restriction',
  'cors',
  'csrf',
  'grpc-web',
  'ip-restriction',
  'jwe-decrypt',
  'key-auth',
  'mocking',
  'proxy-rewrite',
  'real-ip',
  'redirect',
  'request-id',
  'ua-restriction',
])

/** What others go by. */
const UNDECIDED: Readonly<Record<string, string>> = {
  'authz-casbin': 'goes by its policy',
  'hmac-auth': 'goes by its clock and the body',
  'jwt-auth': 'goes by keys that may be elsewhere',
  'multi-auth': 'asks the auth plugins within',
  'public-api': 'lets a plugin of the running gateway answer',
  'aws-lambda': 'sends the request to its function',
  lambda: 'asks its function',
  'lambda-authorizer': 'asks its function',
  'lambda-connections': 'answers by the connections of the running gateway',
  'lambda-websocket': 'asks its function, and takes the connection',
  'fault-injection': 'may answer or delay, by chance and by its vars',
  'forward-auth': 'asks its service',
  'ldap-auth': 'asks its directory',
  opa: 'asks its agent',
  'openid-connect': 'asks its identity provider',
  'limit-conn': 'goes by what is in flight in the running gateway',
  'limit-count': 'goes by the counters of the running gateway',
  'limit-req': 'goes by the counters of the running gateway',
  'serverless-post-function': 'goes by its functions',
  'serverless-pre-function': 'goes by its functions',
  'proxy-cache': 'answers from what the running gateway has stored',
}

/** What the phases came to, as far as it can be told without sending anything. */
export interface DryRun {
  /** The plan that holds at the end: with the plugins of the consumer, if one was recognised. */
  readonly plan: Plan
  readonly phases: readonly ExplainedPhase[]
  /** The plugin that answered. */
  readonly answeredBy: string | undefined
}

/**
 * Takes a request through its phases up to the upstream.
 *
 * @param assumed the caller, whatever the credentials in the request: auth plugins are not asked then. `preflight`: a browser's question,
 *   which a plugin of the plan answers
 */
export async function dryRun(
  session: OfflineSession,
  matched: Plan,
  plugins: PluginRegistry,
  assumed: Consumer | 'preflight' | undefined,
): Promise<DryRun> {
  const runner = new Runner(session, plugins, assumed !== undefined)
  if (assumed === 'preflight') {
    const first = beforeAuthentication(matched)
    await runner.run('rewrite', first)
    session.respond(200)
    await runner.run('rewrite', matched.rewrite.slice(first.length))
  } else await runner.run('rewrite', matched.rewrite)
  const { ctx } = session
  if (assumed !== undefined && assumed !== 'preflight' && !session.responded) ctx.attachConsumer(assumed)
  let plan = matched
  if (ctx.consumer !== undefined && !session.responded) {
    plan = matched.forConsumer(ctx.consumer)
    ctx.plan = plan
    await runner.run('rewrite', plan.consumerRewrite)
  }
  await runner.run('access', plan.access)
  runner.list('balancer', plan.balancer)
  for (const phase of ['requestBody', 'headerFilter', 'bodyFilter', 'log'] as const) runner.list(phase, plan[phase])
  return {
    plan,
    phases: PHASES.map((phase) => ({ phase, plugins: runner.found[phase] })),
    answeredBy: runner.answeredBy,
  }
}

class Runner {
  readonly found: Record<PhaseName, ExplainedPlugin[]> = {
    rewrite: [],
    access: [],
    balancer: [],
    headerFilter: [],
    requestBody: [],
    bodyFilter: [],
    log: [],
  }
  answeredBy: string | undefined = undefined
  private readonly session: OfflineSession
  private readonly plugins: PluginRegistry
  private readonly callerIsKnown: boolean

  constructor(session: OfflineSession, plugins: PluginRegistry, callerIsKnown: boolean) {
    this.session = session
    this.plugins = plugins
    this.callerIsKnown = callerIsKnown
  }

  async run(phase: 'rewrite' | 'access', chain: readonly MountedPlugin[]): Promise<void> {
    for (const plugin of chain) this.found[phase].push({ ...nameOf(plugin), ...(await this.step(phase, plugin)) })
  }

  /** A phase behind the decision. Nothing but a balancer is left out when a plugin has answered. */
  list(phase: PhaseName, chain: readonly MountedPlugin[]): void {
    for (const plugin of chain) {
      const skipped = phase === 'balancer' && this.session.responded
      const outcome = skipped ? 'skipped' : passes(plugin, this.session) ? 'runs' : 'filtered'
      this.found[phase].push({ ...nameOf(plugin), outcome, note: outcome === 'filtered' ? FILTERED : undefined })
    }
  }

  private async step(phase: 'rewrite' | 'access', plugin: MountedPlugin): Promise<Outcome> {
    const { session } = this
    if (session.responded) return { outcome: 'skipped', note: undefined }
    if (!passes(plugin, session)) return { outcome: 'filtered', note: FILTERED }
    if (plugin.isAuth && this.callerIsKnown)
      return { outcome: 'undecided', note: 'taken as passed: the consumer was given' }
    const unknown = await this.whyUndecided(plugin.name)
    if (unknown !== undefined) return { outcome: 'undecided', note: unknown }
    try {
      if (!(await settlesAtOnce(runChain([plugin], phase, session)))) {
        return { outcome: 'undecided', note: 'delays the request, and may answer it then' }
      }
    } catch (error) {
      session.respond(500)
      this.answeredBy = plugin.name
      return { outcome: 'answers', note: `fails: ${error instanceof Error ? error.message : String(error)}` }
    }
    if (!session.responded) return { outcome: 'runs', note: undefined }
    this.answeredBy = plugin.name
    return { outcome: 'answers', note: undefined }
  }

  private async whyUndecided(name: string): Promise<string | undefined> {
    const builtIn = await loadBuiltIn(name)
    // A plugin of the user's may have taken the name of a built-in one.
    if (builtIn === undefined || this.plugins.get(name) !== builtIn)
      return 'is a plugin of your own, which is not run here'
    return BY_REQUEST_ALONE.has(name) ? undefined : (UNDECIDED[name] ?? 'is not run here')
  }
}

type Outcome = Pick<ExplainedPlugin, 'outcome' | 'note'>

const FILTERED = 'its _meta.filter does not match'

const nameOf = ({ name, place, priority }: MountedPlugin): Pick<ExplainedPlugin, 'name' | 'place' | 'priority'> => ({
  name,
  place: `${place.kind}/${place.id}`,
  priority,
})

/** Whether it is done within one turn of the event loop: a delay is not waited for. */
function settlesAtOnce(waiting: Promise<void> | undefined): Promise<boolean> | true {
  if (waiting === undefined) return true
  return Promise.race([
    waiting.then(() => true),
    new Promise<boolean>((resolve) => {
      setImmediate(resolve, false)
    }),
  ])
}

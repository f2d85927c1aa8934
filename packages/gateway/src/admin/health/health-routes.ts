import type { Hono } from 'hono'
import type { HealthReportOf } from '../../health/health-control.ts'
import { healthAnswer, healthPage, type HealthAnswer } from '../../health/health-report.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'
import type { AdminContext, AdminEnv, AdminOptions } from '../admin-options.ts'
import { AdminError } from '../request/admin-error.ts'
import { reply } from '../request/reply.ts'
import { storeKey } from '../resources/envelope.ts'

const KINDS: ReadonlySet<string> = new Set(['upstreams', 'services', 'routes', 'stream_routes'])

/** `/v1/healthcheck`: what checks and traffic said of the nodes, of all upstreams that ask for it or of one. */
export function healthRoutes(api: Hono<AdminEnv>, { health }: AdminOptions): void {
  const reports = (): readonly HealthReportOf[] => health?.() ?? []
  api.get('/healthcheck', (c) => {
    const answers = reports().map(answerOf)
    return wantsPage(c) ? c.html(healthPage(answers)) : reply(c, 200, answers)
  })
  api.get('/healthcheck/:kind/:id', (c) => {
    const { kind, id } = c.req.param()
    if (!KINDS.has(kind)) {
      throw new AdminError(400, `invalid src type ${kind}: there are ${[...KINDS].join(', ')}`)
    }
    const report = reports().find(({ place }) => place === `${kind}/${id}`)
    if (report === undefined) throw new AdminError(404, `${kind}[${id}] not found, or it has no health checks`)
    const answer = answerOf(report)
    return wantsPage(c) ? c.html(healthPage([answer])) : reply(c, 200, answer)
  })
}

function answerOf(report: HealthReportOf): HealthAnswer {
  const slash = report.place.indexOf('/')
  return healthAnswer(storeKey(report.place.slice(0, slash) as ResourceKind, report.place.slice(slash + 1)), report)
}

const wantsPage = (c: AdminContext): boolean => c.req.header('accept')?.includes('text/html') === true

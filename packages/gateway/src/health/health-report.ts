import type { HealthCounters, HealthStatus } from '@sekisho/proxy/health'
import type { HealthReportOf } from './health-control.ts'

/** One upstream as `/v1/healthcheck` tells it: APISIX's shape, and what this gateway knows beyond. */
export interface HealthAnswer {
  readonly name: string
  /** Of the active checks; left out without. */
  readonly type?: string
  readonly nodes: readonly {
    readonly ip: string
    readonly port: number
    readonly hostname: string
    readonly hostheader: string
    readonly status: HealthStatus
    readonly counter: HealthCounters
    /** Whether it gets requests, as long as any node does. */
    readonly usable: boolean
    /** Outlier detection keeps it out. */
    readonly ejected: boolean
    readonly changed_at?: string
    readonly evidence?: string
  }[]
}

/** @param name of the resource, as in the store */
export function healthAnswer(name: string, { upstream, nodes }: HealthReportOf): HealthAnswer {
  const { checks, pass_host: passHost, upstream_host: upstreamHost } = upstream
  const header = checks?.active.host ?? (passHost === 'rewrite' ? upstreamHost : undefined)
  return {
    name,
    ...(checks === undefined ? {} : { type: checks.active.type ?? 'http' }),
    nodes: nodes.map(({ node, status, counters, usable, ejected, changedAt, evidence }) => ({
      ip: node.host,
      port: checks?.active.port ?? node.port,
      hostname: node.host,
      hostheader: header ?? node.host,
      status,
      counter: counters,
      usable,
      ejected,
      ...(changedAt === undefined ? {} : { changed_at: new Date(changedAt).toISOString() }),
      ...(evidence === undefined ? {} : { evidence }),
    })),
  }
}

/** The same for a browser. */
export function healthPage(answers: readonly HealthAnswer[]): string {
  const rows = answers.flatMap(({ name, type, nodes }) =>
    nodes.map(({ ip, port, status, ejected, counter, changed_at: at, evidence }) => {
      const cells = [
        name,
        type ?? '',
        `${ip}:${port}`,
        ejected ? `${status}, ejected` : status,
        counter.success,
        counter.tcp_failure,
        counter.http_failure,
        counter.timeout_failure,
        at ?? '',
        evidence ?? '',
      ]
      return `<tr class="${ejected ? 'ejected' : status}">${cells.map((cell) => `<td>${escaped(String(cell))}</td>`).join('')}</tr>`
    }),
  )
  const head = HEADINGS.map((heading) => `<th scope="col">${heading}</th>`).join('')
  const body =
    rows.length === 0
      ? '<p>No upstream asks for health checks.</p>'
      : `<table><tr>${head}</tr>\n${rows.join('\n')}\n</table>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Health of upstream nodes</title><style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; }
td, th { padding: .3em .8em; text-align: left; border-bottom: 1px solid #ccc; }
.unhealthy, .mostly_unhealthy, .ejected { background: #fdd; } .mostly_healthy { background: #ffd; }
</style></head><body><h1>Health of upstream nodes</h1>
${body}
</body></html>
`
}

const HEADINGS = ['upstream', 'check', 'node', 'status', 'successes', 'tcp', 'http', 'timeouts', 'changed', 'because']

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] as string,
  )

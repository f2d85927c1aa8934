import { startGateway, type TestGateway } from '../../../testing/start-gateway.ts'

/** A gateway with one route to the echo upstream that has one plugin. */
export interface LoggerGateway {
  readonly gateway: TestGateway
  use(config: object, rest?: object): Promise<void>
  close(): Promise<void>
}

export async function startLoggerGateway(plugin: string): Promise<LoggerGateway> {
  const gateway = await startGateway({})
  return {
    gateway,
    use: (config, rest = {}) =>
      gateway.update({
        routes: [{ id: 'r1', uri: '/*', upstream_id: 'echo', plugins: { [plugin]: config } }],
        ...rest,
      }),
    close: () => gateway.close(),
  }
}

/** What a counter of log entries says in the text of the metrics. */
export function logCounts({ metrics }: TestGateway, plugin: string): Record<string, number> {
  const found = metrics.render().matchAll(/^sekisho_plugin_log_entries_total\{([^}]*)\} (\d+)/gm)
  const counts: Record<string, number> = {}
  for (const [, labels, count] of found) {
    const outcome = /outcome="([^"]*)"/.exec(labels)?.[1]
    if (labels.includes(`plugin="${plugin}"`) && outcome !== undefined) counts[outcome] = Number(count)
  }
  return counts
}

/** What to do instead, for plugins of APISIX that are not here and whose work is done otherwise. */
const INSTEAD: Readonly<Record<string, string>> = {
  ai: 'its caches are how the router works here',
  'client-control': 'see "limits.max_body_bytes", which holds for the node',
  'ext-plugin-post-req': 'write a plugin in TypeScript: it runs in the gateway',
  'ext-plugin-post-resp': 'write a plugin in TypeScript: it runs in the gateway',
  'ext-plugin-pre-req': 'write a plugin in TypeScript: it runs in the gateway',
  'log-rotate': 'SIGUSR1 opens log files anew',
  'node-status': '127.0.0.1:9091 answers /status',
  'proxy-buffering': 'bodies pass through piece by piece, always',
  'proxy-control': 'bodies pass through piece by piece, always',
  'server-info': '127.0.0.1:9091 answers /status',
  'serverless-post-function': 'its functions are Lua; write a plugin in TypeScript',
  'serverless-pre-function': 'its functions are Lua; write a plugin in TypeScript',
  'traffic-split': 'an upstream may have nodes of different weight',
}

export const withoutEqual = (plugin: string): string => {
  const instead = INSTEAD[plugin]
  return `there is no plugin of this name${instead === undefined ? '' : `: ${instead}`}`
}

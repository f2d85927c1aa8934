/** What to do instead, for plugins of APISIX that are not here and whose work is done otherwise. */
const INSTEAD: Readonly<Record<string, string>> = {
  ai: 'its caches are how the router works here',
  'ext-plugin-post-req': 'write a plugin in TypeScript: it runs in the gateway',
  'ext-plugin-post-resp': 'write a plugin in TypeScript: it runs in the gateway',
  'ext-plugin-pre-req': 'write a plugin in TypeScript: it runs in the gateway',
  'log-rotate': 'SIGUSR1 opens log files anew',
  'proxy-buffering': 'bodies pass through piece by piece, always',
}

export const withoutEqual = (plugin: string): string => {
  const instead = INSTEAD[plugin]
  return `there is no plugin of this name${instead === undefined ? '' : `: ${instead}`}`
}

import { hostname } from 'node:os'
import { VERSION } from '../version.ts'

/** What APISIX's plugin `server-info` tells of a node. `boot_time` in seconds since 1970. */
export const serverInfo = (): object => ({
  id: hostname(),
  hostname: hostname(),
  version: VERSION,
  boot_time: Math.floor(performance.timeOrigin / 1_000),
})

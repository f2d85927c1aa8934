import { parseListenAddress } from '@sekisho/proxy'
import type { Listener } from '../config/settings/listen.ts'
import { listenText } from './listen-text.ts'

/** The second and further listener on port 0 of the same host. */
const NUMBERED = /^(?!unix:)(.*:0)#(\d+)$/

/**
 * What the settings say of a listener that the supervisor holds. By address: after an upgrade the settings may have another order than the
 * sockets.
 */
export function listenerOf(listen: readonly Listener[], key: string): Listener | undefined {
  const [, base = key, nth = '1'] = NUMBERED.exec(key) ?? []
  const same = listen.filter((one) => one.protocol !== 'udp' && parseListenAddress(listenText(one)).key === base)
  return same[Number(nth) - 1]
}

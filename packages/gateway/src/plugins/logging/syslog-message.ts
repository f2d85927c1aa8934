import { hostname } from 'node:os'

/** Facility syslog (5), severity informational (6), as APISIX writes them: 5 * 8 + 6. */
const PRIORITY = 46
const APPLICATION = 'sekisho'

/** RFC 5424 section 6: printable ASCII without space, cut to its length; `-` for nothing. */
export function headerText(text: string, maxLength: number): string {
  const clean = text.replace(/[^\x21-\x7e]/g, '').slice(0, maxLength)
  return clean === '' ? '-' : clean
}

/**
 * A message of RFC 5424: `<46>1 TIME HOST APP PID - - MSG`, with the line feed that ends it on TCP (RFC 6587 section 3.4.2). JSON has no line
 * feed of its own.
 * @param host who it is about: APISIX names the host that the client asked for
 */
export function syslogMessage(json: string, host: string, now = Date.now()): string {
  return `<${PRIORITY}>1 ${timeText(now)} ${headerText(host, 255)} ${APPLICATION} ${process.pid} - - ${json}\n`
}

let timeMs = -1
let time = ''
/** Requests of the same millisecond share the text. */
function timeText(now: number): string {
  if (now !== timeMs) {
    timeMs = now
    time = new Date(now).toISOString()
  }
  return time
}

export const OWN_HOST = hostname()

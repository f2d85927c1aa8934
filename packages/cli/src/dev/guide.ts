import { VERSION } from '@sekisho/gateway/internal/version'

/** What is where, for somebody who has just typed `sekisho dev`. */
export interface DevAddresses {
  readonly gateway: string
  readonly metrics: string
  /** The control API of the function engine. */
  readonly functions: string
  /** How functions are kept apart. */
  readonly isolation: string
  /** The web page of the gRPC service; undefined where that is not installed. */
  readonly webPage: string | undefined
  /** The ports that were taken, in words. */
  readonly taken: readonly string[]
}

/** What is worth a try: what happens, and the command that makes it happen, both printed as they are. */
export function trials({ gateway, metrics, webPage }: DevAddresses): readonly (readonly [string, string])[] {
  return [
    ['two services take turns', `curl ${gateway}/hello/world`],
    ['3 in 10 seconds, then 429', `curl -s -o /dev/null -w "%{http_code} " "${gateway}/limited?n=[1-4]"`],
    ['no key: 401', `curl ${gateway}/secret/plans`],
    ["alice's key: 200", `curl -H "apikey: alice-key" ${gateway}/secret/plans`],
    ['no service yet: a mock', `curl ${gateway}/mock`],
    ['moved: 301', `curl -i ${gateway}/old/world`],
    ['CORS', `curl -i -H "Origin: https://shop.example" ${gateway}/hello/world`],
    ['WebSocket: 101, a greeting', `curl -i -s -N -m 1 ${WEB_SOCKET} ${gateway}/ws`],
    ['Prometheus', `curl ${metrics}/metrics`],
    ...(webPage === undefined ? NO_GREETER : grpcTrials(gateway, webPage)),
  ]
}

function grpcTrials(gateway: string, webPage: string): readonly (readonly [string, string])[] {
  const { host } = new URL(gateway)
  return [
    ['gRPC: what is there', `grpcurl -plaintext ${host} list`],
    ['a gRPC call', `grpcurl -plaintext -d '{"name":"Ada"}' ${host} helloworld.Greeter/SayHello`],
    ['gRPC-Web, in a browser', `${webPage}/?gateway=${gateway}`],
  ]
}

const NO_GREETER = [['gRPC', 'npm install @sekisho/greeter, then "sekisho dev" has a gRPC service, too']] as const

/** The key is any 16 bytes in base64 (RFC 6455 section 4.1). */
const WEB_SOCKET =
  '-H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Version: 13" -H "Sec-WebSocket-Key: c2VraXNobyBzZWtpc2hvIQ=="'

/** The page that is printed when everything serves. */
export function guide(addresses: DevAddresses, folder: { readonly file: string; readonly plugin: string }): string {
  const tries = trials(addresses)
  const width = Math.max(...tries.map(([title]) => title.length))
  return `
Sekisho ${VERSION} is open on ${addresses.gateway}
${addresses.taken.map((text) => `  (${text})\n`).join('')}
Try, in another terminal:

${tries.map(([title, command]) => `  ${title.padEnd(width)}  ${command}\n`).join('')}
Edit, save, and try again. No restart; a mistake is refused here, with its line:

  routes and plugins         ${folder.file}
  a plugin of your own       ${folder.plugin}
  why a request goes where   npx sekisho explain GET ${addresses.gateway}/hello/world -c ${folder.file}

Ctrl-C stops everything and removes these copies.
`
}

/** What follows when the function engine serves, too: it takes longer, and nobody should wait for it. */
export function functionGuide({ gateway, functions, isolation }: DevAddresses, folder: string): string {
  const endpoint = functions === 'http://127.0.0.1:9190' ? '' : ` --endpoint-url ${functions}`
  return `
Functions are there, ${isolation}:

  a function        curl ${gateway}/fn/hello
  the same, called  npx sekisho fn invoke hello -d '{"foo":"bar"}'${endpoint}
  to edit it        npx sekisho fn deploy ${folder} --watch${endpoint}
`
}

/** The guide for a configuration of the user's own. */
export function ownGuide(
  file: string,
  gateway: readonly string[],
  metrics: string | undefined,
  services: readonly number[],
  greeter: number | undefined,
): string {
  const upstreams = services.map((port) => `http://127.0.0.1:${port}`).join(' and ')
  const grpc =
    greeter === undefined
      ? ''
      : `  gRPC service    127.0.0.1:${greeter}, for an upstream with scheme: grpc: \${{SEKISHO_DEV_GREETER}}\n`
  return `
Sekisho ${VERSION} serves ${file} on ${gateway.join(', ')}
${metrics === undefined ? '' : `  metrics         ${metrics}\n`}  demo services   ${upstreams}, for upstreams of yours: \${{SEKISHO_DEV_SERVICE_A}} and \${{SEKISHO_DEV_SERVICE_B}}
${grpc}
Saved changes take effect at once. Ctrl-C stops everything.
`
}

import { startDemoService } from '../dev/demo-service.ts'
import { copyDemo, type DemoFolder } from '../dev/demo-folder.ts'
import { freePort } from '../dev/free-port.ts'
import { type DevAddresses, guide, ownGuide } from '../dev/guide.ts'
import { say } from '../failure.ts'
import { servedAddresses } from '../served-addresses.ts'
import { readSettings } from './read-settings.ts'
import { readyLine, supervise } from './start.ts'

const HOST = '127.0.0.1'
/** What DESIGN's contract and the documentation name; the next free ones are taken where these are not. */
const PORT = 8080
const METRICS_PORT = 9091

/**
 * `sekisho dev`: demo services in this process, which also supervises the gateway. Resolves when all of it has stopped.
 * The working directory is left alone: what can be edited is a copy in a temporary folder.
 */
export async function dev(config: string | undefined): Promise<void> {
  // A terminal that is closed sends SIGHUP, which reloads a server; here it means that nobody is watching any more.
  process.once('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))
  const services = [await startDemoService('A'), await startDemoService('B')]
  for (const [at, name] of ['A', 'B'].entries()) process.env[`SEKISHO_DEV_SERVICE_${name}`] = String(services[at].port)
  let demo: DemoFolder | undefined
  try {
    if (config === undefined) {
      demo = await copyDemo()
      await serveDemo(demo)
    } else {
      await serveOwn(config, services.map(({ port }) => port))
    }
  } finally {
    await Promise.all([...services.map((service) => service.close()), demo?.remove()])
  }
}

async function serveDemo(demo: DemoFolder): Promise<void> {
  const addresses = await chooseAddresses()
  const read = readSettings(demo.file)
  await supervise(read, (info) => {
    if (info.generation === 1) process.stdout.write(guide(addresses, demo))
    else say(readyLine(info, read))
  })
}

/** Free ports, which the demo configuration takes from the environment. */
async function chooseAddresses(): Promise<DevAddresses> {
  const port = await freePort(PORT, HOST)
  const metricsPort = await freePort(METRICS_PORT, HOST)
  process.env['SEKISHO_DEV_PORT'] = String(port)
  process.env['SEKISHO_DEV_METRICS_PORT'] = String(metricsPort)
  return {
    gateway: `http://${HOST}:${port}`,
    metrics: `http://${HOST}:${metricsPort}`,
    taken: [
      ...(port === PORT ? [] : [`port ${PORT} is taken: this is ${port}`]),
      ...(metricsPort === METRICS_PORT ? [] : [`port ${METRICS_PORT} is taken: metrics are on ${metricsPort}`]),
    ],
  }
}

async function serveOwn(config: string, services: readonly number[]): Promise<void> {
  const read = readSettings(config)
  await supervise(read, (info) => {
    const { gateway, metrics } = servedAddresses(info, read.settings)
    if (info.generation === 1) process.stdout.write(ownGuide(read.file, gateway, metrics, services))
    else say(readyLine(info, read))
  })
}

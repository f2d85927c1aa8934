import { startDemoService } from '../dev/demo-service.ts'
import { copyDemo, type DemoFolder } from '../dev/demo-folder.ts'
import { freePort } from '../dev/free-port.ts'
import { type DevAddresses, guide, ownGuide } from '../dev/guide.ts'
import { say } from '../failure.ts'
import { servedAddresses } from '../served-addresses.ts'
import { readSettings } from './read-settings.ts'
import { readyLine, supervise } from './start.ts'

const HOST = '127.0.0.1'
/** The product's usual ports; where one is in use, the next free one is taken. */
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
  const ports = services.map(({ port }) => port)
  let demo: DemoFolder | undefined
  try {
    if (config === undefined) {
      demo = await copyDemo()
      await serveDemo(demo, ports)
    } else {
      await serveOwn(config, ports)
    }
  } finally {
    await Promise.all([...services.map((service) => service.close()), demo?.remove()])
  }
}

/** Somebody else may take a port between the look at it and its use; twice is bad luck, more is something else. */
const MAX_RACES = 3

async function serveDemo(demo: DemoFolder, services: readonly number[]): Promise<void> {
  for (let races = 0; ; races++) {
    try {
      await serveDemoOnce(demo, services)
      return
    } catch (error) {
      if (races === MAX_RACES || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      process.exitCode = 0
    }
  }
}

async function serveDemoOnce(demo: DemoFolder, [a, b]: readonly number[]): Promise<void> {
  const port = await freePort(PORT, HOST)
  const metricsPort = await freePort(METRICS_PORT, HOST)
  await demo.write({
    SEKISHO_DEV_PORT: port,
    SEKISHO_DEV_METRICS_PORT: metricsPort,
    SEKISHO_DEV_SERVICE_A: a,
    SEKISHO_DEV_SERVICE_B: b,
  })
  const addresses: DevAddresses = {
    gateway: `http://${HOST}:${port}`,
    metrics: `http://${HOST}:${metricsPort}`,
    taken: [
      ...(port === PORT ? [] : [`port ${PORT} is taken: this is ${port}`]),
      ...(metricsPort === METRICS_PORT ? [] : [`port ${METRICS_PORT} is taken: metrics are on ${metricsPort}`]),
    ],
  }
  const read = readSettings(demo.file)
  await supervise(read, (info) => {
    if (info.generation === 1) process.stdout.write(guide(addresses, demo))
    else say(readyLine(info, read))
  })
}

/** With a configuration of the user's, which finds the demo services in the environment. */
async function serveOwn(config: string, services: readonly number[]): Promise<void> {
  for (const [at, name] of ['A', 'B'].entries()) process.env[`SEKISHO_DEV_SERVICE_${name}`] = String(services[at])
  const read = readSettings(config)
  await supervise(read, (info) => {
    const { gateway, metrics } = servedAddresses(info, read.settings)
    if (info.generation === 1) process.stdout.write(ownGuide(read.file, gateway, metrics, services))
    else say(readyLine(info, read))
  })
}

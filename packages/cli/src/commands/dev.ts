import { startDemoService } from '../dev/demo-service.ts'
import { copyDemo, type DemoFolder } from '../dev/demo-folder.ts'
import { freePort } from '../dev/free-port.ts'
import { SupervisedEngine } from '../functions/engine/supervised-engine.ts'
import { type DevDriver, devDriver } from '../dev/function-driver.ts'
import { type DevGreeter, startDevGreeter } from '../dev/greeter.ts'
import { type DevAddresses, functionGuide, guide, ownGuide } from '../dev/guide.ts'
import { say } from '../failure.ts'
import { servedAddresses } from '../served-addresses.ts'
import { readSettings } from './read-settings.ts'
import { readyLine, supervise } from './start.ts'

const HOST = '127.0.0.1'
/** The product's usual ports; where one is in use, the next free one is taken. */
const PORT = 8080
const METRICS_PORT = 9091
const FUNCTIONS_PORT = 9190
/** As the demo configuration has it. */
const GRACE_MS = 3_000
/** What the demo configuration says where there is no Greeter. */
const GREETER_PORT = 50_051

interface DemoServices {
  /** Ports of the HTTP services, which run in this process. */
  readonly http: readonly number[]
  readonly greeter: DevGreeter | undefined
  readonly driver: DevDriver
}

/**
 * `sekisho dev`: demo services in this process, which also supervises the gateway, and the Greeter in one of its own.
 * Resolves when all of it has stopped.
 * The working directory is left alone: what can be edited is a copy in a temporary folder.
 */
export async function dev(config: string | undefined): Promise<void> {
  // A terminal that is closed sends SIGHUP, which reloads a server; here it means that nobody is watching any more.
  process.once('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))
  const services = [await startDemoService('A'), await startDemoService('B')]
  let greeter: DevGreeter | undefined
  let demo: DemoFolder | undefined
  try {
    const looking = devDriver()
    greeter = await startDevGreeter()
    const running: DemoServices = { http: services.map(({ port }) => port), greeter, driver: await looking }
    if (config === undefined) {
      demo = await copyDemo()
      await serveDemo(demo, running)
    } else {
      await serveOwn(config, running)
    }
  } finally {
    await Promise.all([...services.map((service) => service.close()), greeter?.close(), demo?.remove()])
  }
}

/** Somebody else may take a port between the look at it and its use; twice is bad luck, more is something else. */
const MAX_RACES = 3

async function serveDemo(demo: DemoFolder, services: DemoServices): Promise<void> {
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

async function serveDemoOnce(demo: DemoFolder, { http: [a, b], greeter, driver }: DemoServices): Promise<void> {
  const port = await freePort(PORT, HOST)
  const metricsPort = await freePort(METRICS_PORT, HOST)
  const functionsPort = await freePort(FUNCTIONS_PORT, HOST)
  await demo.write({
    SEKISHO_DEV_PORT: port,
    SEKISHO_DEV_METRICS_PORT: metricsPort,
    SEKISHO_DEV_SERVICE_A: a,
    SEKISHO_DEV_SERVICE_B: b,
    SEKISHO_DEV_GREETER: greeter?.port ?? GREETER_PORT,
    SEKISHO_DEV_FUNCTIONS_PORT: functionsPort,
    SEKISHO_DEV_FUNCTIONS_DRIVER: driver.name,
  })
  const addresses: DevAddresses = {
    gateway: `http://${HOST}:${port}`,
    metrics: `http://${HOST}:${metricsPort}`,
    functions: `http://${HOST}:${functionsPort}`,
    isolation: driver.why,
    webPage: greeter && `http://${HOST}:${greeter.webPort}`,
    taken: [
      ...(port === PORT ? [] : [`port ${PORT} is taken: this is ${port}`]),
      ...(metricsPort === METRICS_PORT ? [] : [`port ${METRICS_PORT} is taken: metrics are on ${metricsPort}`]),
      ...(functionsPort === FUNCTIONS_PORT
        ? []
        : [`port ${FUNCTIONS_PORT} is taken: functions are on ${functionsPort}`]),
    ],
  }
  const engine = new SupervisedEngine(demo.file, GRACE_MS)
  let ended = false
  try {
    const { file, settings } = readSettings(demo.file)
    const read = { file, settings: { ...settings, functions: undefined } }
    await supervise(read, (info) => {
      if (info.generation > 1) return say(readyLine(info, read, addresses.functions))
      process.stdout.write(guide(addresses, demo))
      // After the gateway, which nobody should wait for longer because of it.
      deployTo(engine, demo).then(
        () => void process.stdout.write(functionGuide(addresses, demo.functionFolder)),
        (error: Error) => {
          if (!ended) say(`there is no demo function: ${error.message}`)
        },
      )
    })
  } finally {
    ended = true
    await engine.stop()
  }
}

async function deployTo(engine: SupervisedEngine, { functionFolder }: DemoFolder): Promise<void> {
  const address = await engine.start()
  await (await import('../dev/demo-function.ts')).deployDemoFunction(address, functionFolder)
}

/** With a configuration of the user's, which finds the demo services in the environment. */
async function serveOwn(config: string, { http, greeter }: DemoServices): Promise<void> {
  for (const [at, name] of ['A', 'B'].entries()) process.env[`SEKISHO_DEV_SERVICE_${name}`] = String(http[at])
  if (greeter !== undefined) process.env['SEKISHO_DEV_GREETER'] = String(greeter.port)
  const read = readSettings(config)
  await supervise(read, (info, functions) => {
    const { gateway, metrics } = servedAddresses(info, read.settings)
    if (info.generation === 1) process.stdout.write(ownGuide(read.file, gateway, metrics, http, greeter?.port))
    else say(readyLine(info, read, functions))
  })
}

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** KAFKA_JARS: a folder with the jars of org.apache.kafka:kafka_2.13 and what it needs; `mvn dependency:copy-dependencies` makes one. */
const named = process.env['KAFKA_JARS']
export const kafkaJars = named !== undefined && existsSync(named) ? named : undefined

export interface RunningKafka {
  /** `127.0.0.1:PORT` */
  readonly server: string
  stop(): Promise<void>
}

/** One real broker, its own controller. */
export async function startKafka(): Promise<RunningKafka> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-kafka-'))
  const [broker, controller] = [await freePort(), await freePort()]
  const properties = join(folder, 'server.properties')
  writeFileSync(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      `listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${broker}`,
      'controller.listener.names=CONTROLLER',
      'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      `log.dirs=${folder}/logs`,
      'offsets.topic.replication.factor=1',
      'offsets.topic.num.partitions=1',
      'group.initial.rebalance.delay.ms=0',
    ].join('\n'),
  )
  const java = ['-Xmx256m', '-cp', `${kafkaJars}/*`]
  const id = 'MkU3OEVBNTcwNTJENDM2Qg'
  execFileSync('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', properties], { stdio: 'ignore' })
  const server = spawn('java', [...java, 'kafka.Kafka', properties], { stdio: 'ignore' })
  const ended = once(server, 'exit')
  while (!(await accepts(broker))) {
    if (server.exitCode !== null) throw new Error('the Kafka broker did not start')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    server: `127.0.0.1:${broker}`,
    stop: async () => {
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

import { hostname } from 'node:os'
import type { Static } from 'typebox'
import type { PluginContext, PluginLogger } from '../context.ts'
import type { errorLogMetadata } from '../error-log-logger.ts'
import { logQueue } from './batch-logger.ts'
import type { BatchSink } from './batch-queue.ts'
import { clickhouseHeaders, insertBody } from './clickhouse-insert.ts'
import { HttpEndpoints, unlessBelow } from './http-endpoints.ts'
import { brokerOptions } from './kafka-options.ts'
import { KafkaWriter } from './kafka-producer.ts'
import { hostHealth, noted } from './net-sender.ts'
import { TcpStream } from './tcp-stream.ts'

type Metadata = Static<typeof errorLogMetadata>
type Context = Pick<PluginContext, 'scope' | 'metrics' | 'logger'>
export type LineLevel = keyof PluginLogger

const PLUGIN = 'error-log-logger'

/** Which of our levels each of nginx's takes in. */
const TAKEN: Readonly<Record<string, readonly LineLevel[]>> = {
  WARN: ['error', 'warn'],
  NOTICE: ['error', 'warn'],
  INFO: ['error', 'warn', 'info'],
  DEBUG: ['error', 'warn', 'info'],
}
const ERRORS: readonly LineLevel[] = ['error']

/** Sends lines of the error log of one thread. */
export interface ErrorLogShipper {
  take(level: LineLevel, line: string): void
  dispose(): void
}

/** @param context whose `logger` leads back to no shipper */
export function errorLogShipper(metadata: Metadata, context: Context): ErrorLogShipper {
  const config = { ...metadata, batch_max_size: Math.max(1, metadata.batch_max_size) }
  const queue = logQueue(PLUGIN, config, context, metadata, sinkOf(metadata, context))
  const levels = TAKEN[metadata.level] ?? ERRORS
  return {
    take: (level, line) => {
      if (levels.includes(level)) queue.push(line, line.length)
    },
    dispose: () => queue.dispose(),
  }
}

function sinkOf(metadata: Metadata, context: Context): BatchSink<string> {
  const { skywalking, clickhouse, kafka, timeout } = metadata
  const timeoutMs = timeout * 1_000
  if (skywalking !== undefined) {
    const { service_name: service, service_instance_name: named, endpoint_addr: address } = skywalking
    const serviceInstance = named === '$hostname' ? hostname() : named
    return httpSink(address, timeoutMs, context, { 'Content-Type': 'application/json' }, (lines) =>
      JSON.stringify(lines.map((text) => ({ service, serviceInstance, endpoint: '', body: { text: { text } } }))),
    )
  }
  if (clickhouse !== undefined)
    return httpSink(clickhouse.endpoint_addr, timeoutMs, context, clickhouseHeaders(clickhouse), (lines) =>
      insertBody(
        clickhouse.logtable,
        lines.map((data) => JSON.stringify({ data })),
      ),
    )
  if (kafka !== undefined) return kafkaSink(kafka, timeoutMs, context)
  return tcpSink(metadata, timeoutMs, context)
}

function httpSink(
  address: string,
  timeoutMs: number,
  context: Context,
  headers: Record<string, string>,
  bodyOf: (lines: readonly string[]) => string,
): BatchSink<string> {
  const endpoints = new HttpEndpoints({ plugin: PLUGIN, addresses: [address], timeoutMs, verify: true }, context)
  const unusable = unlessBelow(400)
  return {
    async send(lines) {
      const body = bodyOf(lines)
      await endpoints.call(() => ({ path: '', headers, body, unusable }))
    },
  }
}

function tcpSink(metadata: Metadata, timeoutMs: number, context: Context): BatchSink<string> {
  const old = {
    host: metadata.host!,
    port: metadata.port!,
    tls: metadata.tls,
    tls_server_name: metadata.tls_server_name,
  }
  const {
    host,
    port,
    tls,
    tls_server_name: serverName,
    ssl_verify: verify,
  } = metadata.tcp ?? { ...old, ssl_verify: true }
  const stream = new TcpStream({
    host,
    port,
    timeoutMs,
    tls: tls === true ? { serverName, verify } : undefined,
    idleMs: metadata.keepalive * 1_000,
  })
  const health = hostHealth(PLUGIN, host, port, context)
  return {
    send: (lines) => noted(stream.send([`${lines.join('\n')}\n`]), health),
    close: () => stream.close(),
  }
}

/** As lua-resty-kafka's asynchronous producer does unless it is told otherwise. */
const GATHERING = { maxMessages: 200, maxBytes: 1_048_576, lingerMs: 1_000, maxWaiting: 50_000 }

function kafkaSink(kafka: NonNullable<Metadata['kafka']>, timeoutMs: number, context: Context): BatchSink<string> {
  const writer = new KafkaWriter({
    ...brokerOptions(kafka.brokers),
    topic: kafka.kafka_topic,
    key: kafka.key,
    tls: kafka.tls,
    acks: kafka.required_acks,
    timeoutMs,
    metadataMaxAgeMs: kafka.meta_refresh_interval * 1_000,
    gather: kafka.producer_type === 'async' ? GATHERING : undefined,
  })
  const [{ host, port }] = kafka.brokers
  const health = hostHealth(PLUGIN, host, port, context)
  return {
    send: (lines) => noted(writer.send(lines.map((line) => JSON.stringify(line))), health),
    close: () => writer.close(),
  }
}

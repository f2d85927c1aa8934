import { expect } from 'vitest'
import type { InteropClient, OpenCall } from './client.ts'
import { INITIAL, type InteropMessage, type MethodName, TRAILING } from './types.ts'

type Case = (client: InteropClient) => Promise<void>

const LARGE_REQUEST = 271_828
const LARGE_RESPONSE = 314_159
const SENT = [27_182, 8, 1_828, 45_904]
const RECEIVED = [31_415, 9, 2_653, 58_979]

const payload = (size: number) => ({ body: new Uint8Array(size) })
const sizeOf = (message: InteropMessage | undefined): number | undefined => message?.payload?.body?.length

/** connect-node serves no method whose requests and responses are both streams over HTTP/1.1. */
const streaming = (client: InteropClient): MethodName => (client.fullDuplex ? 'FullDuplexCall' : 'StreamingOutputCall')

async function receiveAll(call: OpenCall): Promise<InteropMessage[]> {
  const messages: InteropMessage[] = []
  for (let next = await call.receive(); next !== undefined; next = await call.receive()) messages.push(next)
  return messages
}

const METADATA = { [INITIAL]: 'test_initial_metadata_value', [TRAILING]: Uint8Array.of(0xab, 0xab, 0xab) }

function checkMetadata({ initial, trailing }: Pick<OpenCall, 'initial' | 'trailing'>): void {
  expect(initial(INITIAL)).toBe(METADATA[INITIAL])
  expect([...(trailing(TRAILING) ?? [])]).toEqual([0xab, 0xab, 0xab])
}

const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'

/** gRPC's interoperability test cases, but for those about credentials of clouds (grpc/grpc, doc/interop-test-descriptions.md). */
export const CASES: Readonly<Record<string, Case>> = {
  empty_unary: async (client) => {
    expect(sizeOf((await client.unary('EmptyCall', {})).message)).toBeUndefined()
  },
  cacheable_unary: async (client) => {
    const request = { payload: { body: Buffer.from(String(Date.now())) }, responseSize: 7 }
    for (let time = 0; time < 2; time++) {
      const { message } = await client.unary('CacheableUnaryCall', request, { metadata: { 'x-user-ip': '1.2.3.4' } })
      expect(sizeOf(message)).toBe(7)
    }
  },
  large_unary: async (client) => {
    const { message } = await client.unary('UnaryCall', {
      responseSize: LARGE_RESPONSE,
      payload: payload(LARGE_REQUEST),
    })
    expect(sizeOf(message)).toBe(LARGE_RESPONSE)
  },
  client_streaming: async (client) => {
    const call = client.open('StreamingInputCall')
    for (const size of SENT) call.send({ payload: payload(size) })
    call.end()
    expect(await receiveAll(call)).toMatchObject([{ aggregatedPayloadSize: 74_922 }])
  },
  server_streaming: async (client) => {
    const call = client.open('StreamingOutputCall')
    call.send({ responseParameters: RECEIVED.map((size) => ({ size })) })
    call.end()
    expect((await receiveAll(call)).map(sizeOf)).toEqual(RECEIVED)
  },
  ping_pong: async (client) => {
    const call = client.open('FullDuplexCall')
    for (const [at, size] of RECEIVED.entries()) {
      call.send({ responseParameters: [{ size }], payload: payload(SENT[at]) })
      expect(sizeOf(await call.receive())).toBe(size)
    }
    call.end()
    expect(await call.receive()).toBeUndefined()
  },
  empty_stream: async (client) => {
    const call = client.open('FullDuplexCall')
    call.end()
    expect(await receiveAll(call)).toEqual([])
  },
  custom_metadata: async (client) => {
    const reply = await client.unary(
      'UnaryCall',
      { responseSize: LARGE_RESPONSE, payload: payload(LARGE_REQUEST) },
      { metadata: METADATA },
    )
    checkMetadata(reply)
    const call = client.open(streaming(client), { metadata: METADATA })
    call.send({ responseParameters: [{ size: LARGE_RESPONSE }], payload: payload(LARGE_REQUEST) })
    call.end()
    expect((await receiveAll(call)).map(sizeOf)).toEqual([LARGE_RESPONSE])
    checkMetadata({ initial: (name) => call.initial(name), trailing: (name) => call.trailing(name) })
  },
  status_code_and_message: async (client) => {
    const responseStatus = { code: 2, message: 'test status message' }
    await expect(client.unary('UnaryCall', { responseStatus })).rejects.toMatchObject(responseStatus)
    const call = client.open(streaming(client))
    call.send({ responseStatus })
    call.end()
    await expect(receiveAll(call)).rejects.toMatchObject(responseStatus)
  },
  special_status_message: async (client) => {
    const responseStatus = { code: 2, message: SPECIAL }
    await expect(client.unary('UnaryCall', { responseStatus })).rejects.toMatchObject(responseStatus)
  },
  unimplemented_method: async (client) => {
    await expect(client.unary('UnimplementedCall', {})).rejects.toMatchObject({ code: 12 })
  },
  unimplemented_service: async (client) => {
    const service = 'grpc.testing.UnimplementedService'
    await expect(client.unary('UnimplementedCall', {}, { service })).rejects.toMatchObject({ code: 12 })
  },
  cancel_after_begin: async (client) => {
    const call = client.open('StreamingInputCall')
    call.cancel()
    await expect(call.receive()).rejects.toMatchObject({ code: 1 })
  },
  cancel_after_first_response: async (client) => {
    const call = client.open('FullDuplexCall')
    call.send({ responseParameters: [{ size: RECEIVED[0] }], payload: payload(SENT[0]) })
    expect(sizeOf(await call.receive())).toBe(RECEIVED[0])
    call.cancel()
    await expect(call.receive()).rejects.toMatchObject({ code: 1 })
  },
  timeout_on_sleeping_server: async (client) => {
    // Not the 1 ms of the list: the grpc-web library sends no deadline that has passed by the time it gets to it.
    const call = client.open('FullDuplexCall', { timeoutMs: 100 })
    call.send({ responseParameters: [{ size: 1, intervalUs: 1_000_000 }], payload: payload(SENT[0]) })
    await expect(call.receive()).rejects.toMatchObject({ code: 4 })
  },
}

/** Those about compression, against a server that knows how a message came. The client's messages are compressed unless it is told not to. */
export const COMPRESSED_CASES: Readonly<
  Record<string, (client: InteropClient, plain: InteropClient) => Promise<void>>
> = {
  client_compressed_unary: async (client, plain) => {
    const request = { responseSize: LARGE_RESPONSE, payload: payload(LARGE_REQUEST) }
    const compressed = { ...request, expectCompressed: { value: true } }
    await expect(plain.unary('UnaryCall', compressed)).rejects.toMatchObject({ code: 3 })
    expect(sizeOf((await client.unary('UnaryCall', compressed)).message)).toBe(LARGE_RESPONSE)
    const uncompressed = { ...request, expectCompressed: { value: false } }
    expect(sizeOf((await plain.unary('UnaryCall', uncompressed)).message)).toBe(LARGE_RESPONSE)
  },
  server_compressed_unary: async (client) => {
    for (const value of [true, false]) {
      const { message } = await client.unary('UnaryCall', {
        responseCompressed: { value },
        responseSize: LARGE_RESPONSE,
        payload: payload(LARGE_REQUEST),
      })
      expect(sizeOf(message)).toBe(LARGE_RESPONSE)
    }
  },
  client_compressed_streaming: async (client, plain) => {
    const wrong = plain.open('StreamingInputCall')
    wrong.send({ expectCompressed: { value: true }, payload: payload(SENT[0]) })
    wrong.end()
    await expect(receiveAll(wrong)).rejects.toMatchObject({ code: 3 })
    const call = client.open('StreamingInputCall')
    call.send({ expectCompressed: { value: true }, payload: payload(27_182) })
    call.send({ expectCompressed: { value: !client.choosesCompression }, payload: payload(45_904) }, false)
    call.end()
    expect(await receiveAll(call)).toMatchObject([{ aggregatedPayloadSize: 73_086 }])
  },
  server_compressed_streaming: async (client) => {
    const call = client.open('StreamingOutputCall')
    call.send({
      responseParameters: [
        { compressed: { value: true }, size: 31_415 },
        { compressed: { value: false }, size: 92_653 },
      ],
    })
    call.end()
    expect((await receiveAll(call)).map(sizeOf)).toEqual([31_415, 92_653])
  },
}

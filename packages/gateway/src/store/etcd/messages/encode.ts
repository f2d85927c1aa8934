import { BinaryWriter } from '@bufbuild/protobuf/wire'
import type {
  Compare,
  DeleteRequest,
  Operation,
  PutRequest,
  RangeRequest,
  TransactionRequest,
  WatchCreateRequest,
} from './messages.ts'

// A field's tag is its number times 8 plus 0 for a varint, 2 for what has a length (protobuf.dev/programming-guides/encoding).

const COMPARE_RESULT = { equal: 0, less: 2 } as const
const TARGET = { createRevision: 1, modRevision: 2, value: 3 } as const

export function encodeRange(request: RangeRequest, writer = new BinaryWriter()): BinaryWriter {
  text(writer, 1, request.key)
  if (request.rangeEnd !== undefined) text(writer, 2, request.rangeEnd)
  if (request.limit !== undefined) writer.tag(3, 0).int64(request.limit)
  if (request.revision !== undefined) writer.tag(4, 0).int64(request.revision)
  if (request.serializable === true) writer.tag(7, 0).bool(true)
  if (request.keysOnly === true) writer.tag(8, 0).bool(true)
  return writer
}

function encodePut(request: PutRequest, writer: BinaryWriter): void {
  text(writer, 1, request.key)
  writer.tag(2, 2).bytes(request.value)
  if (request.lease !== undefined) writer.tag(3, 0).int64(request.lease)
}

function encodeDelete(request: DeleteRequest, writer: BinaryWriter): void {
  text(writer, 1, request.key)
  if (request.rangeEnd !== undefined) text(writer, 2, request.rangeEnd)
}

export function encodeTransaction(request: TransactionRequest, writer = new BinaryWriter()): BinaryWriter {
  for (const compare of request.compare ?? []) {
    writer.tag(1, 2).fork()
    encodeCompare(compare, writer)
    writer.join()
  }
  for (const operation of request.operations) {
    writer.tag(2, 2).fork()
    encodeOperation(operation, writer)
    writer.join()
  }
  return writer
}

function encodeOperation(operation: Operation, writer: BinaryWriter): void {
  if ('range' in operation) encodeRange(operation.range, writer.tag(1, 2).fork())
  else if ('put' in operation) encodePut(operation.put, writer.tag(2, 2).fork())
  else if ('delete' in operation) encodeDelete(operation.delete, writer.tag(3, 2).fork())
  else encodeTransaction(operation.transaction, writer.tag(4, 2).fork())
  writer.join()
}

function encodeCompare(compare: Compare, writer: BinaryWriter): void {
  writer.tag(1, 0).int32(COMPARE_RESULT[compare.is])
  if ('createRevision' in compare) {
    writer.tag(2, 0).int32(TARGET.createRevision).tag(5, 0).int64(compare.createRevision)
  } else if ('modRevision' in compare) {
    writer.tag(2, 0).int32(TARGET.modRevision).tag(6, 0).int64(compare.modRevision)
  } else {
    writer.tag(2, 0).int32(TARGET.value).tag(7, 2).bytes(compare.value)
  }
  text(writer, 3, compare.key)
  if (compare.rangeEnd !== undefined) text(writer, 64, compare.rangeEnd)
}

export function encodeWatchCreate(request: WatchCreateRequest): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, 2).fork()
  text(writer, 1, request.key)
  text(writer, 2, request.rangeEnd)
  writer.tag(3, 0).int64(request.startRevision)
  // progress_notify, and fragment: a response never grows beyond what a message may have.
  writer.tag(4, 0).bool(true)
  writer.tag(8, 0).bool(true)
  return writer.join().finish()
}

/** Asks how far the watch is; the answer is a response without events. */
export const encodeWatchProgress = (): Uint8Array => new BinaryWriter().tag(3, 2).fork().join().finish()

export const encodeLeaseGrant = (seconds: number): Uint8Array => new BinaryWriter().tag(1, 0).int64(seconds).finish()

export const encodeLeaseRevoke = (id: bigint): Uint8Array => new BinaryWriter().tag(1, 0).int64(id).finish()

export const encodeCompaction = (revision: number): Uint8Array =>
  new BinaryWriter().tag(1, 0).int64(revision).tag(2, 0).bool(true).finish()

export function encodeAuthenticate(name: string, password: string): Uint8Array {
  const writer = new BinaryWriter()
  text(writer, 1, name)
  text(writer, 2, password)
  return writer.finish()
}

/** Keys are bytes in etcd; those of documents are text. */
function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, 2).string(value)
}

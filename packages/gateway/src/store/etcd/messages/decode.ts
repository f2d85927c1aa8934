import { BinaryReader } from '@bufbuild/protobuf/wire'
import type {
  KeyValue,
  RangeResponse,
  ResponseHeader,
  TransactionResponse,
  WatchEvent,
  WatchResponse,
} from './messages.ts'

/** What reads one field; false: it is not known here, and passed over. */
type ReadField<Message> = (message: Message, field: number, reader: BinaryReader) => boolean

type Mutable<Message> = { -readonly [Field in keyof Message]: Message[Field] }

/** Throws at bytes that are no message: the connection is of no use then. */
function read<Message>(message: Message, reader: BinaryReader, end: number, readField: ReadField<Message>): Message {
  if (end > reader.len) throw new RangeError('a message ends behind its bytes')
  while (reader.pos < end) {
    const [field, type] = reader.tag()
    if (!readField(message, field, reader)) reader.skip(type, field)
  }
  if (reader.pos !== end) throw new RangeError('a field ends behind its message')
  return message
}

/** A message in a message: its length, and its fields. */
function nested<Message>(message: Message, reader: BinaryReader, readField: ReadField<Message>): Message {
  const length = reader.uint32()
  return read(message, reader, reader.pos + length, readField)
}

function whole<Message>(message: Message, bytes: Uint8Array, readField: ReadField<Message>): Message {
  return read(message, new BinaryReader(bytes), bytes.length, readField)
}

const newHeader = (): ResponseHeader => ({ clusterId: 0n, revision: 0, raftTerm: 0 })
const NO_BYTES = new Uint8Array(0)
const newKeyValue = (): KeyValue => ({ key: '', value: NO_BYTES, createRevision: 0, modRevision: 0, lease: 0n })

const headerField: ReadField<Mutable<ResponseHeader>> = (header, field, reader) => {
  if (field === 1) header.clusterId = BigInt(reader.uint64())
  else if (field === 3) header.revision = Number(reader.int64())
  else if (field === 4) header.raftTerm = Number(reader.uint64())
  else return false
  return true
}

const keyValueField: ReadField<Mutable<KeyValue>> = (kv, field, reader) => {
  if (field === 1) kv.key = reader.string()
  else if (field === 2) kv.createRevision = Number(reader.int64())
  else if (field === 3) kv.modRevision = Number(reader.int64())
  else if (field === 5) kv.value = reader.bytes()
  else if (field === 6) kv.lease = BigInt(reader.int64())
  else return false
  return true
}

type RangeDraft = Mutable<RangeResponse> & { kvs: KeyValue[] }
const newRange = (): RangeDraft => ({ header: newHeader(), kvs: [], more: false })

const rangeField: ReadField<RangeDraft> = (range, field, reader) => {
  if (field === 1) nested(range.header, reader, headerField)
  else if (field === 2) range.kvs.push(nested(newKeyValue(), reader, keyValueField))
  else if (field === 3) range.more = reader.bool()
  else return false
  return true
}

export const decodeRange = (bytes: Uint8Array): RangeResponse => whole(newRange(), bytes, rangeField)

type TransactionDraft = Mutable<TransactionResponse> & { ranges: (RangeResponse | undefined)[] }

const transactionField: ReadField<TransactionDraft> = (transaction, field, reader) => {
  if (field === 1) nested(transaction.header, reader, headerField)
  else if (field === 2) transaction.succeeded = reader.bool()
  else if (field === 3) transaction.ranges.push(nested({ range: undefined }, reader, operationField).range)
  else return false
  return true
}

const operationField: ReadField<{ range: RangeResponse | undefined }> = (operation, field, reader) => {
  if (field !== 1) return false
  operation.range = nested(newRange(), reader, rangeField)
  return true
}

export const decodeTransaction = (bytes: Uint8Array): TransactionResponse =>
  whole({ header: newHeader(), succeeded: false, ranges: [] }, bytes, transactionField)

const eventField: ReadField<Mutable<WatchEvent>> = (event, field, reader) => {
  if (field === 1) event.deleted = reader.int32() === 1
  else if (field === 2) nested(event.kv, reader, keyValueField)
  else return false
  return true
}

type WatchDraft = Mutable<WatchResponse> & { events: WatchEvent[] }

const watchField: ReadField<WatchDraft> = (response, field, reader) => {
  if (field === 1) nested(response.header, reader, headerField)
  else if (field === 2) response.watchId = Number(reader.int64())
  else if (field === 3) response.created = reader.bool()
  else if (field === 4) response.canceled = reader.bool()
  else if (field === 5) response.compactRevision = Number(reader.int64())
  else if (field === 6) response.cancelReason = reader.string()
  else if (field === 7) response.fragment = reader.bool()
  else if (field === 11) {
    response.events.push(nested({ deleted: false, kv: newKeyValue() }, reader, eventField))
  } else return false
  return true
}

export const decodeWatch = (bytes: Uint8Array): WatchResponse =>
  whole(
    {
      header: newHeader(),
      watchId: 0,
      created: false,
      canceled: false,
      compactRevision: 0,
      cancelReason: '',
      fragment: false,
      events: [],
    },
    bytes,
    watchField,
  )

export const decodeHeader = (bytes: Uint8Array): ResponseHeader =>
  whole({ header: newHeader() }, bytes, (message, field, reader) => {
    if (field !== 1) return false
    nested(message.header, reader, headerField)
    return true
  }).header

/** The lease's identity. */
export const decodeLeaseGrant = (bytes: Uint8Array): bigint =>
  whole({ id: 0n }, bytes, (message, field, reader) => {
    if (field !== 2) return false
    message.id = BigInt(reader.int64())
    return true
  }).id

/** The token. */
export const decodeAuthenticate = (bytes: Uint8Array): string =>
  whole({ token: '' }, bytes, (message, field, reader) => {
    if (field !== 2) return false
    message.token = reader.string()
    return true
  }).token

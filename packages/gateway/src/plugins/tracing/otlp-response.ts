import { BinaryReader } from '@bufbuild/protobuf/wire'

/**
 * How many spans a collector did not take: `partial_success.rejected_spans` of `ExportTraceServiceResponse`. 0 for an answer that is not readable: some
 * answer with nothing, or with JSON.
 */
export function rejectedSpans(answer: Uint8Array): number {
  if (answer.length === 0) return 0
  try {
    const reader = new BinaryReader(answer)
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag()
      if (field === 1) return Number(rejectedOf(new BinaryReader(reader.bytes())))
      reader.skip(type)
    }
  } catch {
    // Not what it should be, but with a status that says that all is well.
  }
  return 0
}

function rejectedOf(reader: BinaryReader): bigint | string | number {
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1) return reader.int64()
    reader.skip(type)
  }
  return 0
}

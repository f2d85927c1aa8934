import { BinaryReader } from './binary-reader.ts'

/** A function that a module imports, with neither parameters nor results. */
export interface EmptyImport {
  readonly module: string
  readonly name: string
  /** Its index among the functions of the module. */
  readonly index: number
}

const TYPE = 1
const IMPORT = 2
const FUNCTION_TYPE = 0x60

/** The first such import of a valid module; undefined when it has none. */
export function emptyImport(binary: Uint8Array): EmptyImport | undefined {
  const empty = new Set<number>()
  const reader = new BinaryReader(binary, 8)
  while (!reader.done) {
    const id = reader.byte()
    const size = reader.u32()
    const section = new BinaryReader(binary.subarray(reader.at, reader.at + size))
    reader.skip(size)
    if (id === TYPE) {
      const count = section.u32()
      for (let at = 0; at < count; at++) if (isEmptyType(section)) empty.add(at)
    } else if (id === IMPORT) return firstOf(section, empty)
  }
  return undefined
}

/** Reads one type. Only functions are looked for: what newer proposals add is not in modules of a C compiler. */
function isEmptyType(reader: BinaryReader): boolean {
  if (reader.byte() !== FUNCTION_TYPE) throw new Error('a type that is no function')
  const parameters = reader.u32()
  reader.skip(parameters)
  const results = reader.u32()
  reader.skip(results)
  return parameters === 0 && results === 0
}

function firstOf(reader: BinaryReader, types: ReadonlySet<number>): EmptyImport | undefined {
  let index = 0
  for (let left = reader.u32(); left > 0; left--) {
    const module = reader.name()
    const name = reader.name()
    const kind = reader.byte()
    if (kind === 2) reader.limits()
    else if (kind !== 0) return undefined
    else if (types.has(reader.u32())) return { module, name, index }
    else index++
  }
  return undefined
}

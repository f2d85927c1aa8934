/** One header of a tar archive: POSIX.1-1988 ustar with the additions of GNU. */
export interface TarHeader {
  readonly name: string
  /** `0` a file, `1` a hard link, `2` a symbolic link, `5` a folder, `x` and `g` pax records, `L` and `K` long names of GNU, … */
  readonly type: string
  readonly size: number
  readonly mode: number
  readonly link: string
}

export const BLOCK = 512

/** @returns undefined for a block of zeros (the end), text for what is no header */
export function parseTarHeader(block: Buffer): TarHeader | string | undefined {
  let sum = 0
  for (let index = 0; index < BLOCK; index++) sum += index >= 148 && index < 156 ? 32 : block[index]!
  if (sum === 256) return undefined
  if (numberAt(block, 148, 8) !== sum) return 'a header has a wrong checksum'
  const size = numberAt(block, 124, 12)
  if (!Number.isSafeInteger(size) || size < 0) return 'a header has a size that no file has'
  // GNU writes "ustar  " and uses the place of the prefix for other things.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textAt(block, 345, 155) : ''
  const name = textAt(block, 0, 100)
  const type = block[156] === 0 ? '0' : String.fromCharCode(block[156]!)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type,
    // Links and folders have no content, whatever is written there.
    size: '12345 6'.includes(type) ? 0 : size,
    mode: numberAt(block, 100, 8),
    link: textAt(block, 157, 100),
  }
}

function textAt(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start)
  return block.toString('utf8', start, end < 0 || end > start + length ? start + length : end)
}

/** Octal text, or GNU's binary form for what does not fit. NaN: neither. */
function numberAt(block: Buffer, start: number, length: number): number {
  if (block[start] === 0x80) {
    let value = 0
    for (let index = start + 1; index < start + length; index++) value = value * 256 + block[index]!
    return value
  }
  const text = block
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+$/g, '')
    .trim()
  return text === '' ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN
}

/** Records of a pax header: `LENGTH KEY=VALUE\n`. @returns text for what is none */
export function parsePax(bytes: Buffer): Map<string, string> | string {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at)
    const length = Number(bytes.toString('latin1', at, space))
    const record = bytes.subarray(space + 1, at + length)
    const equals = record.indexOf(61)
    if (space < 0 || !(length > space - at + 1) || at + length > bytes.length || record.at(-1) !== 10 || equals < 0)
      return 'a pax header is damaged'
    records.set(record.toString('utf8', 0, equals), record.toString('utf8', equals + 1, record.length - 1))
    at += length
  }
  return records
}

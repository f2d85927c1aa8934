/** RFC 1035, section 2.3.4: on the wire, lengths and the root included. */
const MAX_NAME_BYTES = 255
const MAX_LABEL_BYTES = 63

/** A name as labels with their lengths. Undefined: too long, an empty label, or not ASCII. */
export function encodeName(name: string): Buffer | undefined {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name
  const parts: Buffer[] = []
  for (const label of bare === '' ? [] : bare.split('.')) {
    if (label === '' || label.length > MAX_LABEL_BYTES || !/^[!-~]+$/.test(label)) return undefined
    parts.push(Buffer.from([label.length]), Buffer.from(label, 'latin1'))
  }
  const encoded = Buffer.concat([...parts, Buffer.from([0])])
  return encoded.length > MAX_NAME_BYTES ? undefined : encoded
}

/**
 * A name in a message, and where what follows it begins. Pointers must lead back to what was before the name, and each further back
 * than the last: so there are no loops. Bytes that are no plain text are written `\ddd`, which is in no host name.
 *
 * @returns a string that says what is wrong
 */
export function decodeName(bytes: Buffer, start: number): { readonly name: string; readonly end: number } | string {
  const labels: string[] = []
  let at = start
  let end = -1
  let before = start
  let length = 1
  for (;;) {
    if (at >= bytes.length) return 'ends within a name'
    const size = bytes[at]
    if (size === 0) break
    if (size >= 0xc0) {
      if (at + 1 >= bytes.length) return 'ends within a name'
      const target = ((size & 0x3f) << 8) | bytes[at + 1]
      if (target >= before) return 'has a name that points ahead'
      if (end === -1) end = at + 2
      before = target
      at = target
      continue
    }
    if (size > MAX_LABEL_BYTES) return 'has a label of a form that is not known'
    if (at + 1 + size > bytes.length) return 'ends within a name'
    length += size + 1
    if (length > MAX_NAME_BYTES) return 'has a name of more than 255 bytes'
    labels.push(labelText(bytes.subarray(at + 1, at + 1 + size)))
    at += size + 1
  }
  return { name: labels.join('.'), end: end === -1 ? at + 1 : end }
}

function labelText(bytes: Buffer): string {
  const text = bytes.toString('latin1').toLowerCase()
  if (/^[0-9a-z_-]+$/.test(text)) return text
  return text.replaceAll(/[^!-~]|[.\\]/g, (byte) => `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`)
}

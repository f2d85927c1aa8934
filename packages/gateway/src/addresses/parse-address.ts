/** Where `parseAddress` leaves an IPv6 address: four words of 32 bits, most significant first; IPv4 uses the first. */
export type AddressWords = Int32Array

const DOT = 46
const COLON = 58
const PERCENT = 37

/**
 * Reads an IP address without allocating: the words go to `words`, the family is returned (0 when the text is not an
 * address). IPv4 is four decimal numbers without leading zeros (RFC 3986 section 3.2.2: `010` is octal to some readers).
 * IPv6 is RFC 4291 section 2.2, with an optional zone (`fe80::1%eth0`) that is ignored, as the operating system adds it
 * to link-local peers. An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`) is the IPv4 address, because that is how a
 * dual-stack socket names an IPv4 client.
 */
export function parseAddress(text: string, words: AddressWords): 4 | 6 | 0 {
  const length = text.length
  // The first colon tells the families apart; it is within the first five characters of any IPv6 address.
  for (let i = 0; i < length && i < 5; i++) {
    if (text.charCodeAt(i) === COLON) return parseIPv6(text, length, words)
  }
  return readIPv4(text, 0, length, words, 0) ? 4 : 0
}

function parseIPv6(text: string, length: number, words: AddressWords): 4 | 6 | 0 {
  if (!readIPv6(text, length, words)) return 0
  if (words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return 6
  words[0] = words[3]
  return 4
}

/** Reads dotted decimal from `text[from..to)` into `words[at]`. */
function readIPv4(text: string, from: number, to: number, words: AddressWords, at: number): boolean {
  let word = 0
  let octet = -1
  let dots = 0
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (octet < 0 || ++dots > 3) return false
      word = (word << 8) | octet
      octet = -1
    } else {
      const digit = code - 48
      // A digit after a lone zero is a leading zero.
      if (digit < 0 || digit > 9 || octet === 0) return false
      octet = octet < 0 ? digit : octet * 10 + digit
      if (octet > 255) return false
    }
  }
  if (dots !== 3 || octet < 0) return false
  words[at] = (word << 8) | octet
  return true
}

/** Sets the 16-bit group `index` of eight. */
function setGroup(words: AddressWords, index: number, group: number): void {
  const at = index >> 1
  words[at] = (index & 1) === 0 ? group << 16 : words[at] | group
}

function readIPv6(text: string, length: number, words: AddressWords): boolean {
  words[0] = words[1] = words[2] = words[3] = 0
  let index = 0 // the group being read, 0..7
  let gap = -1 // how many groups stood before `::`
  let group = 0
  let digits = 0
  let groupStart = 0
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
    groupStart = 2
  }
  for (; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === COLON) {
      if (digits === 0 || index > 6) return false
      setGroup(words, index++, group)
      group = digits = 0
      if (text.charCodeAt(i + 1) === COLON) {
        if (gap >= 0) return false
        gap = index
        i++
      }
      groupStart = i + 1
    } else if (code === DOT) {
      return readMixed(text, groupStart, length, words, index, gap)
    } else if (code === PERCENT) {
      if (i + 1 === length) return false
      length = i
    } else {
      const digit = code < 128 ? HEX_DIGITS[code] : -1
      if (digit < 0 || ++digits > 4) return false
      group = (group << 4) | digit
    }
  }
  if (digits > 0) setGroup(words, index++, group)
  // Nothing after the last colon is right only when that colon closed a `::`.
  else if (gap !== index) return false
  if (gap < 0) return index === 8
  if (index > 7) return false
  spread(words, index, gap)
  return true
}

/** The form `x:x:x:x:x:x:1.2.3.4`: the last two groups are dotted decimal. */
function readMixed(
  text: string,
  from: number,
  length: number,
  words: AddressWords,
  index: number,
  gap: number,
): boolean {
  const zone = text.indexOf('%', from)
  const end = zone < 0 ? length : zone
  if (zone === length - 1 || index > 6 || (gap < 0 && index !== 6) || (gap >= 0 && index > 5)) return false
  if (!readIPv4(text, from, end, scratch, 0)) return false
  setGroup(words, index, scratch[0] >>> 16)
  setGroup(words, index + 1, scratch[0] & 0xffff)
  if (gap >= 0) spread(words, index + 2, gap)
  return true
}

const scratch = new Int32Array(1)

/** Moves the groups after `::` to the end and zeroes what it stood for. */
function spread(words: AddressWords, count: number, gap: number): void {
  const shift = 8 - count
  for (let from = count - 1; from >= gap; from--) writeGroup(words, from + shift, readGroup(words, from))
  for (let zero = gap; zero < gap + shift; zero++) writeGroup(words, zero, 0)
}

function readGroup(words: AddressWords, index: number): number {
  return (index & 1) === 0 ? words[index >> 1] >>> 16 : words[index >> 1] & 0xffff
}

function writeGroup(words: AddressWords, index: number, group: number): void {
  const at = index >> 1
  words[at] = (index & 1) === 0 ? (group << 16) | (words[at] & 0xffff) : (words[at] & ~0xffff) | group
}

// The value of each hexadecimal digit, -1 for other characters. A table, because whether a digit is a letter is random:
// comparisons were mispredicted often enough to double the cost of an IPv6 address.
const HEX_DIGITS = new Int8Array(128).fill(-1)
for (const [value, digit] of Array.from('0123456789abcdef').entries()) {
  HEX_DIGITS[digit.charCodeAt(0)] = value
  HEX_DIGITS[digit.toUpperCase().charCodeAt(0)] = value
}

import { METHODS } from 'node:http'
import { afterAll, describe, expect, it } from 'vitest'
import { interpret, type Interpretation, type Understood } from '../testing/interpret.ts'
import { mutatedSequence, VALID_REQUESTS } from '../testing/mutate.ts'
import { NodeServer } from '../testing/node-server.ts'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../testing/seeded-random.ts'
import { SMUGGLING_INPUTS } from '../testing/smuggling-inputs.ts'

/** One way in which we and Node's parser (llhttp, strict) see the same bytes differently, and why that is right. */
interface Difference {
  /** Our end: a refusal, `ok` or `incomplete`. */
  readonly ours: string
  readonly reason: string
  /** Where the end alone does not tell the difference from a fault. */
  readonly when?: (bytes: string, ours: Interpretation, node: Interpretation) => boolean
}

const ABSOLUTE = /^https?:\/\//i
const connectionOptions = ({ fields }: Understood): string[] =>
  fields
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/))
/** The request that we understood and Node did not. */
const next = (ours: Interpretation, node: Interpretation): Understood | undefined => ours.requests[node.requests.length]

/** Refused here, understood by Node: each is on the safe side, and is a rule of the RFC or stands for a request nobody sends. */
const STRICTER: readonly Difference[] = [
  {
    ours: 'ENCODING_IN_HTTP_10',
    reason: 'RFC 9112 section 6.1: chunks in HTTP/1.0 are faulty framing; Node reads them.',
  },
  {
    ours: 'TRANSFER_ENCODING_UNKNOWN',
    reason: 'A coding besides chunked must be undone or answered 501; Node hands it on as if it were none.',
  },
  {
    ours: 'TRANSFER_ENCODING',
    reason:
      'An empty field, or chunked in the second of two fields: proxies differ in which they believe; Node takes the last.',
  },
  {
    ours: 'CONTENT_LENGTH',
    reason:
      'More than 15 digits: above 2^53 no exact number, with leading zeros nothing anybody sends; Node reads 64 bits.',
  },
  {
    ours: 'CHUNK_SIZE',
    reason:
      'More than 13 digits: above 2^53 no exact number, with leading zeros nothing anybody sends; Node reads 64 bits.',
  },
  {
    ours: 'CHUNK_EXTENSION',
    reason: 'An extension without a name or with an empty value is not in the grammar; Node lets `;=` pass.',
  },
  {
    ours: 'TRAILER',
    reason:
      'RFC 9110 section 6.5.1: framing, routing and authentication have no place behind the body; Node passes them on.',
  },
  {
    ours: 'REQUEST_LINE',
    reason:
      'Node skips any CR and LF before a request and several spaces within its line, and knows HTTP/0.9 and RTSP; RFC 9112 sections 2.2 and 3 forgive one CRLF.',
  },
  {
    ours: 'BARE_LINE_END',
    reason:
      'RFC 9112 section 2.2 lets a server take LF alone for a line end, but not before a request, where Node skips it.',
  },
  {
    ours: 'VERSION',
    reason: 'Only HTTP/1.0 and HTTP/1.1 have the framing that we speak; Node reads 0.9 and 2.0 as if they had.',
  },
  {
    ours: 'TARGET',
    reason:
      'A fragment, quotes, angle brackets and a backslash in the path must be percent-encoded; servers differ in what they make of them.',
  },
  { ours: 'TARGET_FORM', reason: 'RFC 9112 section 3.2: Node takes any scheme, user names, and * for every method.' },
  {
    ours: 'HOST',
    reason: 'RFC 9112 section 3.2 wants 400 for a Host that is no host; Node does not look, but we route by it.',
  },
  { ours: 'HOST_REPEATED', reason: 'RFC 9112 section 3.2 wants 400 for two Hosts; Node takes the first.' },
  {
    ours: 'HOST_MISSING',
    reason:
      'Both answer 400 (Node not behind HTTP/1.0); but Node’s parser goes on to the next request before it closes.',
  },
  { ours: 'EXPECTATION', reason: 'Both answer 417; Node hands the request on when asked to, and goes on.' },
]

/** Understood here, refused by Node or understood otherwise: the suspicious ones, each as narrow as can be. */
const OTHERWISE: readonly Difference[] = [
  {
    ours: 'any',
    reason:
      'RFC 9112 section 3.2.2: the authority of an absolute target replaces Host, so that an upstream cannot route by the other one.',
    when: (_, ours, node) =>
      sameRequests(ours.requests, node.requests.map(inOriginForm)) && kind(ours.end) === kind(node.end),
  },
  {
    ours: 'any',
    reason: 'Any token is a method (RFC 9110 section 9.1) and none changes the framing; Node has a list.',
    when: (_, ours, node) => {
      const request = next(ours, node)
      const refused = /^HPE_INVALID_(METHOD|CONSTANT)$/.test(node.end)
      return refused && (request === undefined ? ours.end !== 'ok' : !METHODS.includes(request.method))
    },
  },
  {
    ours: 'any',
    reason:
      'White space behind a value may be a tab (RFC 9110 section 5.6.3); llhttp reads chunked, a length or keep-alive before it takes the tab off.',
    when: (bytes, ours, node) =>
      /^(ok|HPE_INVALID_(TRANSFER_ENCODING|CONTENT_LENGTH))$/.test(node.end) &&
      ours.requests.length >= node.requests.length &&
      /(transfer-encoding:[ \t]*chunked|content-length:[ \t]*\d+|connection:[ \t]*keep-alive) *\t[ \t]*\r\n/i.test(
        bytes,
      ),
  },
  {
    ours: 'any',
    reason:
      'Nobody took the upgrade, so what follows is the next request (RFC 9110 section 7.8); Node’s parser stops for good.',
    when: (bytes, ours, node) =>
      node.end === 'ok' &&
      ours.requests.length >= node.requests.length &&
      /\nupgrade:/i.test(bytes) &&
      /\nconnection:.*upgrade/i.test(bytes),
  },
  {
    ours: 'ok',
    reason:
      'RFC 9112 section 9.3: close ends the connection, whatever stands around it; llhttp overlooks it with white space behind it or keep-alive beside it.',
    when: (_, ours) => {
      const last = ours.requests.at(-1)
      return last !== undefined && connectionOptions(last).includes('close')
    },
  },
  {
    ours: 'incomplete',
    reason:
      'We judge a head or a line of a chunk when it is whole, within the time for it; Node says no at its first wrong byte.',
    when: (_, ours, node) => kind(node.end) === 'refused' && ours.requests.length <= node.requests.length,
  },
]

function inOriginForm(request: Understood): Understood {
  if (!ABSOLUTE.test(request.target)) return request
  const [, host, rest] = /^[a-z]+:\/\/([^/?]*)(.*)$/i.exec(request.target) ?? []
  const others = request.fields.filter(([name]) => name.toLowerCase() !== 'host')
  return { ...request, target: rest.startsWith('/') ? rest : `/${rest}`, fields: [...others, ['Host', host]] }
}

const sameRequests = (ours: readonly Understood[], node: readonly Understood[]): boolean =>
  JSON.stringify(ours) === JSON.stringify(node)
const kind = (end: string): string => (end === 'ok' || end === 'incomplete' ? end : 'refused')

/** The shorter list is the beginning of the longer one: nobody took the end of a message for another place. */
function agreeAsFarAsBothGo(ours: Interpretation, node: Interpretation): boolean {
  const theirs = node.requests.map(inOriginForm)
  const mine = ours.requests.map(inOriginForm)
  const both = Math.min(mine.length, theirs.length)
  // Node puts Host where it was.
  const plain = (request: Understood): string =>
    JSON.stringify({ ...request, fields: request.fields.map(([name, value]) => `${name}:${value}`).toSorted() })
  return mine.slice(0, both).every((request, at) => plain(request) === plain(theirs[at]))
}

const used = new Set<Difference>()

function difference(bytes: string, ours: Interpretation, node: Interpretation): Difference | undefined {
  if (!agreeAsFarAsBothGo(ours, node)) return undefined
  const stricter = STRICTER.find((each) => each.ours === ours.end && ours.requests.length <= node.requests.length)
  return (
    stricter ??
    OTHERWISE.find((each) => (each.ours === 'any' || each.ours === ours.end) && each.when?.(bytes, ours, node) === true)
  )
}

const node = new NodeServer()

async function compare(bytes: string): Promise<void> {
  const ours = interpret(bytes)
  const theirs = await node.interpret(bytes)
  if (sameRequests(ours.requests, theirs.requests) && kind(ours.end) === kind(theirs.end)) return
  const listed = difference(bytes, ours, theirs)
  if (listed === undefined) expect({ bytes, ...ours }).toEqual({ bytes, ...theirs })
  else used.add(listed)
}

describe('the same bytes, read by Node and by us', () => {
  it(`attacks (${SMUGGLING_INPUTS.length} of them)`, async () => {
    expect(new Set(SMUGGLING_INPUTS).size).toBeGreaterThan(700)
    for (const bytes of SMUGGLING_INPUTS) await compare(bytes)
  })

  it('valid requests are seen alike by both', async () => {
    const usual = VALID_REQUESTS.filter((bytes) => !ABSOLUTE.test(bytes.split(' ')[1]) && !bytes.includes('Upgrade:'))
    for (const first of usual) {
      const [ours, theirs] = [interpret(first), await node.interpret(first)]
      expect(ours).toEqual(theirs)
      expect(ours).toMatchObject({ end: 'ok', requests: [{}] })
    }
    const all = usual.join('')
    expect(interpret(all)).toEqual(await node.interpret(all))
    expect(interpret(all).requests).toHaveLength(usual.length)
  })

  it('mutated requests, by a seed', async () => {
    const random = new SeededRandom(fuzzSeed(20_260_601))
    for (let run = fuzzRuns(3_000); run > 0; run--) await compare(mutatedSequence(random, VALID_REQUESTS, 3))
  })
})

describe('the list of differences', () => {
  const VERSION_OF_THE_LIST = '9.3'
  afterAll(() => used.clear())

  it('gives each its reason', () => {
    for (const { reason } of [...STRICTER, ...OTHERWISE]) expect(reason).toMatch(/^[A-Z][^]{30,}\.$/)
  })

  it.runIf(process.versions['llhttp']?.startsWith(VERSION_OF_THE_LIST))('has none that the attacks do not show', () => {
    const idle = [...STRICTER, ...OTHERWISE]
      .filter((each) => !used.has(each))
      .map((each) => `${each.ours}: ${each.reason}`)
    expect(idle).toEqual([])
  })
})

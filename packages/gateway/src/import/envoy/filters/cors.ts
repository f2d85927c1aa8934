import { defined, type Fields } from '../output/draft.ts'
import { readFraction } from '../reader/fraction.ts'
import type { Message } from '../reader/message.ts'
import { escapeRegex, readStringMatcher, type TextTest } from '../routes/text-test.ts'

/** As the schema of our plugin has it. */
const ORIGIN = /^\w+:\/\/[^,\s]+$/

/** What a page may use without being asked: the answer of a server that names no methods allows these. */
const SIMPLE_METHODS = 'GET,HEAD,POST'

/** Reads a CorsPolicy, that of the filter or the older one of routes and virtual hosts; undefined when it is off. */
export function readCors(policy: Message): Fields | undefined {
  const share = policy.has('filter_enabled') ? readFraction(policy.message('filter_enabled')) : 100
  policy.ignore('shadow_enabled')
  const origins = readOrigins(policy)
  const credentials = policy.boolean('allow_credentials') ?? false
  const exposed = list(policy.string('expose_headers'))
  const methods = list(policy.string('allow_methods')) ?? SIMPLE_METHODS
  const headers = list(policy.string('allow_headers')) ?? ''
  const fields = defined({
    ...origins,
    allow_methods: forCredentials(methods, credentials),
    allow_headers: forCredentials(headers, credentials),
    // With credentials a browser takes "*" for the name of a header.
    expose_headers: credentials && exposed === '*' ? undefined : exposed,
    max_age: policy.number('max_age'),
    allow_credential: credentials || undefined,
  })
  if (fields['allow_origins'] === '*' && credentials) fields['allow_origins'] = '**'
  if (policy.boolean('forward_not_matching_preflights') !== false) {
    policy.warnOnce(
      'preflights',
      undefined,
      'Envoy passes on OPTIONS requests that are no preflight of an allowed origin. Sekisho answers all of them',
    )
  }
  if (share === 0) return undefined
  if (share < 100) policy.lose('filter_enabled', 'it holds for all requests')
  return fields
}

const list = (text: string | undefined): string | undefined =>
  text
    ?.split(',')
    .map((part) => part.trim())
    .join(',')

const forCredentials = (text: string, credentials: boolean): string => (credentials && text === '*' ? '**' : text)

/** A matcher that matches the text "*" allows all, whatever it is: this is why samples have `prefix: "*"`. */
function readOrigins(policy: Message): Fields {
  const tests = policy
    .messages('allow_origin_string_match')
    .map(readStringMatcher)
    .filter((test) => test !== undefined)
  if (tests.some((test) => test.matches('*'))) return { allow_origins: '*' }
  if (tests.length > 0 && tests.every(({ operator, constant }) => operator === '==' && ORIGIN.test(constant)))
    return { allow_origins: tests.map(({ constant }) => constant).join(',') }
  return { allow_origins_by_regex: tests.length === 0 ? [NO_ORIGIN] : tests.map(expression) }
}

/** Matches no text. */
const NO_ORIGIN = '(?!)'

function expression({ operator, constant }: TextTest): string {
  if (operator === '==') return `^${escapeRegex(constant)}$`
  return operator === '~*' ? `(?i)${constant}` : constant
}

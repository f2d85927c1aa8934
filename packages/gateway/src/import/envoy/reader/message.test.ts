import { expect, test } from 'vitest'
import { reportUnknownFields } from './unknown-fields.ts'
import { Message, Reading } from './message.ts'
import { Report } from '../../report/report.ts'

function reading(fields: Record<string, unknown>): { message: Message; told: () => string[] } {
  const report = new Report()
  const read = new Reading(report)
  return {
    message: new Message(read, '', fields),
    told: () => {
      read.reportLeftovers(fields)
      return report.findings().map(({ kind, path, message }) => `${kind} ${path}${message && `: ${message}`}`)
    },
  }
}

test('reads both spellings, durations, numbers and booleans as text, and enums in any case', () => {
  const { message, told } = reading({
    statPrefix: 'a',
    connect_timeout: '0.25s',
    maxAge: '1728000',
    enabled: 'true',
    codecType: 'auto',
  })
  expect(message.string('stat_prefix')).toBe('a')
  expect(message.duration('connect_timeout')).toBe(0.25)
  expect(message.number('max_age')).toBe(1728000)
  expect(message.boolean('enabled')).toBe(true)
  expect(message.enumeration('codec_type')).toBe('AUTO')
  expect(told()).toEqual([])
})

test('tells what nobody has read, at the outermost place', () => {
  const { message, told } = reading({
    read: { inner: 1, other: { deep: 2 } },
    unread: { a: { b: 1 } },
    none: [],
    no: null,
  })
  message.message('read')?.number('inner')
  expect(told()).toEqual(['not carried over /read/other', 'not carried over /unread'])
})

test('tells what is of the wrong type, and takes it for missing', () => {
  const { message, told } = reading({ a: 15, b: 'x', c: 1, d: 'list', e: [1] })
  expect(message.duration('a')).toBeUndefined()
  expect(message.number('b')).toBeUndefined()
  expect(message.message('c')).toBeUndefined()
  expect(message.messages('d')).toEqual([])
  expect(message.messages('e')).toEqual([])
  expect(told()).toEqual([
    'invalid /a: must be a duration, as "0.25s"',
    'invalid /b: must be a number',
    'invalid /c: must be a message',
    'invalid /d: must be a list',
    'invalid /e/0: must be a message',
  ])
})

test('what is lost or ignored is told once, or not at all', () => {
  const { message, told } = reading({ lost: { a: 1 }, ignored: { b: 1 } })
  message.lose('lost', 'because')
  message.lose('lost', 'again')
  message.lose('missing', 'is not there')
  message.ignore('ignored')
  expect(told()).toEqual(['not carried over /lost: because'])
})

test('knows the fields of messages, also behind @type and within maps', () => {
  const type = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  const fields = {
    staticResources: {
      clusters: [
        { name: 'a', lbPolicy: 'RANDOM', typed_extension_protocol_options: { x: { '@type': type, explicit: {} } } },
      ],
    },
    own: { '@type': 'type.googleapis.com/own.Message', anything: 1 },
  }
  const report = new Report()
  reportUnknownFields(new Reading(report), fields)
  expect(report.findings().map(({ path }) => path)).toEqual([
    '/staticResources/clusters/0/typed_extension_protocol_options/x/explicit',
    '/own',
  ])
})

test('a warning about many places is given once', () => {
  const report = new Report()
  for (const path of ['/a', '/b', '/c']) report.warnOnce('topic', path, 'look')
  expect(report.findings()).toEqual([{ kind: 'warning', path: '/a', message: 'look (and in 2 more places)' }])
})

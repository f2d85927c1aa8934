import { expect, it } from 'vitest'
import { readControlMessage, readGatewayMessage, readSupervisorMessage, readWorkerMessage, wrap } from './messages.ts'

it('reads what the other end wrapped', () => {
  expect(readSupervisorMessage(wrap({ type: 'stop', graceMs: 5 }))).toEqual({ type: 'stop', graceMs: 5 })
  expect(readGatewayMessage(wrap({ type: 'ready' }))).toEqual({ type: 'ready' })
  expect(readControlMessage(wrap({ type: 'user', message: 1 }))).toEqual({ type: 'user', message: 1 })
  expect(readWorkerMessage(wrap({ type: 'stopped', cut: 0 }))).toEqual({ type: 'stopped', cut: 0 })
})

it('passes by what comes from elsewhere', () => {
  for (const value of [
    undefined,
    null,
    'ready',
    7,
    {},
    { type: 'ready' },
    { sekisho: null },
    { sekisho: 'ready' },
    [],
  ]) {
    expect(readGatewayMessage(value)).toBeUndefined()
  }
})

it('passes by a type of another direction or another version', () => {
  expect(readGatewayMessage(wrap({ type: 'stop', graceMs: 5 }))).toBeUndefined()
  expect(readSupervisorMessage(wrap({ type: 'ready' }))).toBeUndefined()
  expect(readWorkerMessage({ sekisho: { type: 'from-the-future' } })).toBeUndefined()
  expect(readControlMessage(wrap({ type: 'prepared' }))).toBeUndefined()
})

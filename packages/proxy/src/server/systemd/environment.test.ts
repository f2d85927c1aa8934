import { expect, it } from 'vitest'
import { takeSystemdEnvironment, underSystemd } from './environment.ts'

it('reads what is for this process, and leaves nothing for those that it starts', () => {
  const environment = {
    LISTEN_PID: '7',
    LISTEN_FDS: '2',
    LISTEN_FDNAMES: 'http:metrics',
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_PID: '7',
    WATCHDOG_USEC: '30000000',
    PATH: '/bin',
  }
  expect(underSystemd(environment)).toBe(true)
  expect(takeSystemdEnvironment(environment, 7)).toEqual({
    found: { sockets: 2, socketNames: ['http', 'metrics'], notifySocket: '/run/notify', watchdogUs: 30_000_000 },
    problems: [],
  })
  expect(environment).toEqual({ PATH: '/bin' })
  expect(underSystemd(environment)).toBe(false)
})

it('leaves sockets and watchdogs of other processes alone, and says so of the sockets', () => {
  const { found, problems } = takeSystemdEnvironment(
    { LISTEN_PID: '8', LISTEN_FDS: '1', WATCHDOG_PID: '8', WATCHDOG_USEC: '1000000' },
    7,
  )
  expect(found).toEqual({ sockets: 0, socketNames: [], notifySocket: undefined, watchdogUs: 0 })
  expect(problems).toEqual([expect.stringContaining('for process 8, and this is 7')])
})

it.each(['', '-1', '1e3', '99999', 'two'])('ignores LISTEN_FDS "%s", and says so', (text) => {
  const { found, problems } = takeSystemdEnvironment({ LISTEN_PID: '7', LISTEN_FDS: text }, 7)
  expect(found.sockets).toBe(0)
  expect(problems).toEqual([expect.stringContaining(`LISTEN_FDS is "${text}"`)])
})

import { expect, it } from 'vitest'
import { Readiness } from './readiness.ts'

type Context = ConstructorParameters<typeof Readiness>[0]

function readiness() {
  let serves: Parameters<Context['onWorkerServing']>[0] = () => undefined
  let exits: Parameters<Context['onWorkerExit']>[0] = () => undefined
  let unready: Parameters<Context['onUnready']>[0] = () => undefined
  let drain: Parameters<Context['onDrain']>[0] = () => undefined
  const of = new Readiness({
    count: 2,
    onWorkerServing: (listener) => (serves = listener),
    onWorkerExit: (listener) => (exits = listener),
    onUnready: (handler) => (unready = handler),
    onDrain: (handler) => (drain = handler),
  })
  return { of, serves, exits, unready, drain }
}

it("waits for every worker, also for one that takes a dead one's place", () => {
  const { of, serves, exits } = readiness()
  serves(0, 1)
  expect(of.missing).toBe('not all workers have their configuration')
  serves(1, 1)
  expect(of.missing).toBeUndefined()
  exits(0, 1)
  expect(of.missing).toBe('not all workers have their configuration')
  serves(0, 2)
  expect(of.missing).toBeUndefined()
})

it('is not ready once a stop was ordered, but stays so when another process took over', () => {
  const { of, serves, unready, drain } = readiness()
  serves(0, 1)
  serves(1, 1)
  void drain({ last: false })
  expect(of.missing).toBeUndefined()
  void unready()
  expect(of.missing).toBe('the gateway stops')
})

it('is not ready when it drains with nobody after it', () => {
  const { of, serves, drain } = readiness()
  serves(0, 1)
  serves(1, 1)
  void drain({ last: true })
  expect(of.missing).toBe('the gateway stops')
})

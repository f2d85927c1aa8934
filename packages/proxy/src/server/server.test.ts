import { request } from 'node:http'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, LoadLoop, Workshop } from './testing/launch.ts'

// Real processes and threads. Everything is waited for by what the program says and by the end of processes.

let workshop: Workshop
beforeAll(() => {
  workshop = new Workshop()
})
afterEach(() => workshop.killAll())
afterAll(() => workshop.remove())

const twoWorkers = { options: { workers: 2 } }

describe('serving', () => {
  it('serves on every worker, with data and shared memory of the control thread', async () => {
    const program = workshop.launch(twoWorkers)
    const port = await program.port()
    const ready = await program.event('ready')
    expect(ready).toMatchObject({ supervisorPid: program.child.pid, generation: 1, workers: 2 })
    const seen = new Set<unknown>()
    let asked = 0
    while (seen.size < 2 && asked < 2000) {
      const { body } = await get(port)
      asked++
      expect(body).toMatchObject({ pid: ready['gatewayPid'], count: 2, generation: 1, counter: asked })
      expect(body['data']).toEqual({ role: 'deleted', processGeneration: 1 })
      seen.add(body['index'])
    }
    expect(seen).toEqual(new Set([0, 1]))
  })

  it('passes messages between workers and the control thread', async () => {
    const program = workshop.launch(twoWorkers)
    await get(await program.port(), '/broadcast')
    expect(await program.event('message', { message: 'heard', index: 0 })).toBeDefined()
    expect(await program.event('message', { message: 'heard', index: 1 })).toBeDefined()
  })

  it('serves several listeners, a Unix socket and the control thread among them', async () => {
    const path = join(workshop.folder, 'app.sock')
    const control = join(workshop.folder, 'control.sock')
    const listen = ['127.0.0.1:0', '127.0.0.1:0', '*:0', `unix:${path}`]
    const program = workshop.launch({ options: { workers: 1 }, listen, control: `unix:${control}` })
    for (const target of [await program.port(0), await program.port(1), await program.port(2), path]) {
      expect((await get(target)).status).toBe(200)
    }
    expect((await get(control)).body).toEqual({ text: 'control 1' })
    program.child.kill('SIGUSR2')
    await program.log(/the drained gateway process/)
    expect((await get(control)).body).toEqual({ text: 'control 2' })
    expect((await get(path)).body['data']).toMatchObject({ processGeneration: 2 })
  })

  it('says which address is in use, and exits with 1', async () => {
    const first = workshop.launch(twoWorkers)
    const port = await first.port()
    const second = workshop.launch({ listen: [`127.0.0.1:${port}`] })
    await second.everyProcessEnded
    expect(await second.exited).toEqual({ code: 1, signal: null })
    expect(second.stderr).toContain(`cannot listen on 127.0.0.1:${port}: the port is in use`)
  })
})

describe('recovery', () => {
  it('replaces a worker that dies, at its index and with the next generation', async () => {
    const program = workshop.launch({ options: { workers: 1 } })
    const port = await program.port()
    const { body: before } = await get(port)
    await expect(get(port, '/crash')).rejects.toThrow('socket hang up')
    const { body } = await get(port)
    expect(body).toMatchObject({ pid: before['pid'], index: 0, generation: 2, counter: 2 })
    expect(await program.event('worker-exit', { index: 0, generation: 1 })).toBeDefined()
    expect((await program.log(/crashed by a request/))['message']).toContain('starting another at once')
  })

  it('replaces a worker that runs out of memory', async () => {
    const program = workshop.launch({ options: { workers: 1, workerLimits: { maxOldGenerationSizeMb: 32 } } })
    const port = await program.port()
    const { body: before } = await get(port)
    await expect(get(port, '/oom')).rejects.toThrow('socket hang up')
    expect((await get(port)).body).toMatchObject({ pid: before['pid'], generation: 2 })
  })

  it('replaces the gateway process when the spare descriptors are used up', async () => {
    const program = workshop.launch({ options: { workers: 1, spareDescriptors: 1 } })
    const port = await program.port()
    const before = await get(port)
    await expect(get(port, '/crash')).rejects.toThrow('socket hang up')
    await program.log(/replacing the gateway process: the last spare descriptors are in use/)
    await program.log(/the drained gateway process/)
    const after = await get(port)
    expect(after.body).toMatchObject({ generation: 1, data: { processGeneration: 2 } })
    expect(after.body['pid']).not.toBe(before.body['pid'])
  })

  it('replaces a gateway process that is killed, on the same sockets', async () => {
    const program = workshop.launch(twoWorkers)
    const port = await program.port()
    const loop = new LoadLoop(port, { keepAlive: false, limit: 20_000 })
    const before = await get(port)
    process.kill(Number((await program.event('ready'))['gatewayPid']), 'SIGKILL')
    await program.event('ready', { generation: 2 })
    const after = await get(port)
    expect(after.body['pid']).not.toBe(before.body['pid'])
    const { errors } = await loop.stop()
    // What the dead process had accepted is lost; what the kernel had queued is served.
    expect(errors.filter((code) => code !== 'ECONNRESET')).toEqual([])
    expect(errors.length).toBeLessThanOrEqual(1)
  })

  it('exits with 1 when the first gateway process cannot start', async () => {
    const failFile = join(workshop.folder, 'fail-first')
    writeFileSync(failFile, '')
    const program = workshop.launch({ failFile })
    await program.everyProcessEnded
    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect((await program.log(/told to fail/))['level']).toBe('error')
    expect(program.stderr).toMatch(/gateway process \d+ exited with code 1 before it was ready/)
  })
})

describe('stopping', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} lets a request in flight finish and refuses new connections`, async () => {
      const program = workshop.launch(twoWorkers)
      const port = await program.port()
      const held = hold(port)
      await program.event('held')
      program.child.kill(signal)
      await program.event('drain')
      held.finish()
      expect(await held.status).toBe(200)
      await program.everyProcessEnded
      expect(await program.exited).toEqual({ code: 0, signal: null })
      expect(program.events.filter((event) => event.event === 'worker-stopped')).toHaveLength(2)
      expect(program.events.filter((event) => event.event === 'control-stopped')).toHaveLength(1)
      await expect(get(port)).rejects.toThrow('ECONNREFUSED')
    })
  }

  it('cuts what is not done within the grace period', async () => {
    const program = workshop.launch({ options: { workers: 1, gracePeriodMs: 50 } })
    const held = hold(await program.port())
    await program.event('held')
    program.child.kill('SIGTERM')
    await expect(held.status).rejects.toThrow('socket hang up')
    expect((await program.log(/cut 1 exchange/))['level']).toBe('warn')
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })

  it('stops at once on a second signal', async () => {
    const program = workshop.launch(twoWorkers)
    const held = hold(await program.port())
    await program.event('held')
    program.child.kill('SIGTERM')
    await program.event('drain')
    program.child.kill('SIGTERM')
    await expect(held.status).rejects.toThrow('socket hang up')
    await program.everyProcessEnded
    expect(await program.exited).toEqual({ code: 143, signal: null })
  })

  it('leaves no process behind when the supervisor is killed', async () => {
    const program = workshop.launch(twoWorkers)
    const port = await program.port()
    const held = hold(port)
    await program.event('held')
    program.child.kill('SIGKILL')
    await program.event('drain')
    held.finish()
    expect(await held.status).toBe(200)
    await program.everyProcessEnded
    await expect(get(port)).rejects.toThrow('ECONNREFUSED')
  })
})

describe('modules of their own for the gateway process and the workers', () => {
  it('serves what the supervisor bound', async () => {
    const program = workshop.launch({ listen: ['127.0.0.1:0', '127.0.0.1:0'] }, 'supervisor')
    const keys = ['127.0.0.1:0', '127.0.0.1:0#2']
    expect((await get(await program.port(0))).body).toEqual({ key: keys[0], data: keys, args: ['argument'] })
    expect((await get(await program.port(1))).body).toEqual({ key: keys[1], data: keys, args: ['argument'] })
  })
})

describe('upgrades and reloads', () => {
  it('upgrades five times under load without a failed request', async () => {
    const program = workshop.launch(twoWorkers)
    const port = await program.port()
    const loops = [true, true, false, false].map((keepAlive) => new LoadLoop(port, { keepAlive, limit: 50_000 }))
    for (let generation = 2; generation <= 6; generation++) {
      const { pid } = (await get(port)).body
      program.child.kill('SIGUSR2')
      await program.event('ready', { generation })
      await program.log(new RegExp(`the drained gateway process ${String(pid)} exited with code 0`))
      expect((await get(port)).body['data']).toMatchObject({ processGeneration: generation })
    }
    for (const loop of loops) {
      const { errors, statuses } = await loop.stop()
      expect(errors).toEqual([])
      expect([...statuses.keys()]).toEqual([200])
    }
  })

  it('keeps the old process when the new one cannot start', async () => {
    const failFile = join(workshop.folder, 'fail-upgrade')
    const program = workshop.launch({ ...twoWorkers, failFile })
    const port = await program.port()
    const before = await get(port)
    writeFileSync(failFile, '')
    program.child.kill('SIGUSR2')
    expect((await program.log(/goes on$/))['message']).toContain(String(before.body['pid']))
    expect((await get(port)).body['pid']).toBe(before.body['pid'])
    rmSync(failFile)
    program.child.kill('SIGUSR2')
    await program.event('ready', { generation: 3 })
    await program.log(/the drained gateway process/)
    expect((await get(port)).body['pid']).not.toBe(before.body['pid'])
  })

  it("SIGHUP is the control thread's where it handles it, and SIGUSR1 always", async () => {
    const program = workshop.launch({ ...twoWorkers, handleReload: true })
    const port = await program.port()
    const { pid } = (await get(port)).body
    program.child.kill('SIGHUP')
    expect((await program.event('reload')).pid).toBe(pid)
    program.child.kill('SIGUSR1')
    expect((await program.event('reopen-logs')).pid).toBe(pid)
    expect((await get(port)).body['pid']).toBe(pid)
  })

  it('SIGHUP without a handler brings a new process', async () => {
    const program = workshop.launch(twoWorkers)
    await program.port()
    program.child.kill('SIGHUP')
    await program.event('ready', { generation: 2 })
  })
})

/** A request whose body is not finished before `finish()`: in flight for as long as the test wants. */
function hold(port: number): { status: Promise<number>; finish: () => void } {
  const held = request({ host: '127.0.0.1', port, method: 'POST', path: '/held', agent: false })
  held.flushHeaders()
  const status = new Promise<number>((resolve, reject) => {
    held.on('error', reject)
    held.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode!)))
  })
  // A rejection that comes before the test looks at it is not an unhandled one.
  status.catch(() => {})
  return { status, finish: () => held.end('done') }
}

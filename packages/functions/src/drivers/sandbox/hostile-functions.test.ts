import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRunning } from '../testing/is-running.ts'
import { recordSandbox, sandboxSpec, type SandboxRecord } from '../testing/record-sandbox.ts'
import { missingForSandbox, sandboxTitle } from '../testing/sandbox-support.ts'
import { SandboxDriver } from './sandbox-driver.ts'

/** What a function that means ill tries, one test each. Each prints what it got. */
describe.skipIf(missingForSandbox !== '')(sandboxTitle('a hostile function'), () => {
  let folder: string
  let driver: SandboxDriver

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sekisho-hostile-'))
    // Its parent could be open to all; what keeps the function out must not be that.
    await chmod(folder, 0o755)
    for (const name of ['attacker', 'victim']) {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'code'), `code of ${name}\n`)
    }
    driver = new SandboxDriver({ dataDirectory: folder })
    await driver.open()
  })

  afterAll(async () => {
    await driver.close()
    await rm(folder, { recursive: true })
  })

  const attack = (script: string, rest: object = {}): SandboxRecord =>
    recordSandbox(
      driver,
      sandboxSpec({ id: 'attacker', taskDirectory: join(folder, 'attacker'), command: ['sh', '-c', script], ...rest }),
    )

  const node = (script: string, rest: object = {}): SandboxRecord =>
    recordSandbox(
      driver,
      sandboxSpec({
        id: 'attacker',
        taskDirectory: join(folder, 'attacker'),
        interpreter: process.execPath,
        command: ['node', '-e', script],
        environment: { PATH: '/var/lang/bin:/usr/local/bin:/usr/bin:/bin' },
        ...rest,
      }),
    )

  /** Runs another function with a secret in its environment and in its /tmp while the attack runs. */
  const besideVictim = async (begin: () => SandboxRecord): Promise<string> => {
    const victim = recordSandbox(
      driver,
      sandboxSpec({
        id: 'victim',
        taskDirectory: join(folder, 'victim'),
        command: ['sh', '-c', 'echo hidden-in-tmp > /tmp/mine; echo ready; exec sleep 1000'],
        environment: { SECRET: 'hidden-in-environment' },
      }),
    )
    await victim.firstLine
    const record = begin()
    await record.exit
    victim.sandbox.kill()
    await victim.exit
    return record.text('stdout') + record.text('stderr')
  }

  test("cannot read another function's code", async () => {
    const found = await besideVictim(() =>
      attack(
        `cat /var/task/code; cat ${folder}/victim/code; cat /var/task/../../victim/code; find / -name code -type f 2>/dev/null; ls ${folder}`,
      ),
    )
    expect(found).toContain('code of attacker\n/')
    expect(found).not.toContain('code of victim')
    expect(found.match(/^\/.*code$/gm)).toEqual(['/var/task/code'])
  })

  test("cannot read another function's memory", async () => {
    const found = await besideVictim(() =>
      node(`const fs = require('node:fs')
        const numbers = fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))
        for (const number of numbers) {
          const name = fs.readFileSync('/proc/' + number + '/comm', 'utf8').trim()
          for (const file of ['mem', 'maps']) {
            try { fs.closeSync(fs.openSync('/proc/' + number + '/' + file)); console.log(name, file, 'opened') }
            catch (error) { console.log(name, file, error.code) }
          }
        }
        const { spawnSync } = require('node:child_process')
        console.log(String(spawnSync('python3', ['-c', \`
import ctypes
c = ctypes.CDLL(None, use_errno=True)
for pid in range(1, 400):
    if c.ptrace(16, pid, 0, 0) == 0: print("ATTACHED", pid)
print("errno", ctypes.get_errno())\`]).stdout))`),
    )
    // No other function's processes are there; the launcher is, and is closed; the rest is the attack itself.
    const lines = found.trim().split('\n')
    expect(lines.filter((line) => line.startsWith('.launcher'))).toEqual([
      '.launcher mem EACCES',
      '.launcher maps EACCES',
    ])
    expect(lines.filter((line) => !/^(\.launcher|node|MainThread|errno 1$|$)/.test(line))).toEqual([])
  })

  test("cannot read another function's environment", async () => {
    const found = await besideVictim(() =>
      attack('cat /proc/*/environ /proc/*/cmdline | tr "\\0" "\\n"; cat /proc/1/environ; ls -l /proc/1/fd'),
    )
    expect(found).not.toContain('hidden')
    expect(found).not.toContain('victim')
    expect(found).not.toContain('bwrap')
    expect(found).toContain('/proc/1/environ: Permission denied')
  })

  test("cannot read another function's /tmp", async () => {
    const found = await besideVictim(() => attack('ls -A /tmp; cat /tmp/mine /proc/*/root/tmp/mine'))
    expect(found).not.toContain('hidden')
    expect(found.startsWith('cat:')).toBe(true)
  })

  test('sees no process of the host', async () => {
    const record = attack(
      'ls -d /proc/[0-9]* | wc -l; kill -9 -1; kill -9 ' + String(process.pid) + '; echo still here',
    )
    await record.exit
    expect(Number(record.text('stdout').split('\n')[0])).toBeLessThan(8)
    expect(isRunning(process.pid)).toBe(true)
  })

  test('reaches no loopback service and no socket of the host', async () => {
    let connections = 0
    const count = createServer(() => connections++)
    await new Promise<void>((resolve) => count.listen(0, '127.0.0.1', resolve))
    const abstract = createServer(() => connections++)
    const name = `\0sekisho-hostile-${process.pid}`
    await new Promise<void>((resolve) => abstract.listen(name, resolve))
    const { port } = count.address() as AddressInfo
    const record = node(`
      const net = require('node:net'), os = require('node:os'), dgram = require('node:dgram')
      const targets = [{ port: ${port}, host: '127.0.0.1' }, { port: ${port}, host: '::1' }, { port: 9190, host: '127.0.0.1' }, { port: 80, host: '169.254.169.254' },
        { path: ${JSON.stringify(name)} }, { path: '/run/docker.sock' }, { path: '/var/run/docker.sock' }, { path: '/run/dbus/system_bus_socket' }]
      console.log(Object.keys(os.networkInterfaces()).join())
      for (const target of targets) {
        const socket = net.connect(target)
        socket.on('connect', () => { console.log('CONNECTED', target); socket.destroy() })
        socket.on('error', (error) => console.log(error.code))
      }`)
    expect(await record.exit).toMatchObject({ status: 0 })
    expect(record.text('stdout')).not.toContain('CONNECTED')
    expect(record.text('stdout').split('\n')[0]).toBe('lo')
    expect(connections).toBe(0)
    count.close()
    abstract.close()
  })

  test('stops at its limit of processes, and so does its fork bomb', async () => {
    const began = performance.now()
    const record = node(
      `const { spawn } = require('node:child_process')
      let made = 0, refused = 0
      for (let i = 0; i < 1500; i++) {
        const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
        child.on('error', () => refused++)
        if (child.pid) made++
      }
      setImmediate(() => { console.log(made, refused > 0); process.exit() })`,
      { memoryMb: 2048 },
    )
    await record.exit
    const [made, refused] = record.text('stdout').trim().split(' ')
    expect(Number(made)).toBeGreaterThan(100)
    expect(Number(made)).toBeLessThan(1024)
    expect(refused).toBe('true')
    const bomb = attack('bomb() { bomb | bomb & }; echo lit; bomb; sleep 1000', { memoryMb: 256 })
    await bomb.firstLine
    // The rest of the host works on while it burns.
    expect(await attack('echo alive').firstLine).toBe('alive')
    bomb.sandbox.kill()
    await bomb.exit
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  test('cannot fill the disk', async () => {
    const record = attack(`head -c 40000000 /dev/zero > /tmp/big; stat -c %s /tmp/big
      for place in / /usr /var /var/task /opt /dev /dev/shm /etc /proc /var/lang/bin /home /run; do (echo x > $place/x) 2>/dev/null && echo WROTE $place; done
      (echo x > /usr/bin/sh) 2>/dev/null && echo WROTE sh; mkdir /x 2>/dev/null && echo WROTE folder; find / -xdev -writable -type d 2>/dev/null`)
    await record.exit
    const [size, ...rest] = record.text('stdout').trim().split('\n')
    expect(Number(size)).toBeLessThanOrEqual(16 * 1_048_576)
    expect(record.text('stderr')).toContain('No space left on device')
    expect(rest).toEqual(['/tmp'])
  })

  test('is ended when it takes more memory than it may', async () => {
    const record = node('const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))', { memoryMb: 128 })
    expect(await record.exit).toMatchObject({ signal: 'SIGKILL', outOfMemory: true, status: undefined })
    expect(record.sandbox.peakMemoryBytes()).toBeLessThanOrEqual(128 * 1_048_576)
    // What it keeps in /tmp counts too.
    const full = attack('head -c 300000000 /dev/zero > /tmp/x && echo survived; exit 1', {
      memoryMb: 128,
      ephemeralStorageMb: 512,
    })
    expect(await full.exit).toMatchObject({ outOfMemory: true })
    expect(full.text('stdout')).toBe('')
  })

  test('does not survive being killed', async () => {
    const name = `survivor-${process.pid}`
    const record = attack(
      `cp /usr/bin/sleep /tmp/${name}; trap "" TERM HUP INT; (setsid sh -c '(trap "" TERM; /tmp/${name} 1000; echo woke) & ' &) ; nohup /tmp/${name} 1000 & setsid /tmp/${name} 1000 & sleep 0.1; echo ready; sleep 1000`,
    )
    await record.firstLine
    record.sandbox.terminate()
    record.sandbox.freeze()
    record.sandbox.kill()
    await record.exit
    const { execFileSync } = await import('node:child_process')
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(`/tmp/${name}`)
  })

  test('gets no descriptor of the host', async () => {
    const record = attack(
      'for fd in /proc/self/fd/*; do echo "$(basename $fd) $(readlink $fd)"; done; ls -l /proc/1/fd 2>&1 | tail -1',
    )
    // A busy engine takes what the launcher hands over late: the function must not find the launcher open until then.
    for (let round = 0; round < 20; round++) {
      await new Promise((resolve) => setImmediate(resolve))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
    await record.exit
    const lines = record.text('stdout').trim().split('\n')
    expect(lines[0]).toBe('0 /dev/null')
    expect(lines[1]).toMatch(/^1 pipe:/)
    expect(lines[2]).toMatch(/^2 pipe:/)
    // The shell's own, on what it lists.
    for (const line of lines.slice(3, -1)) expect(line).toMatch(/^\d+ (\/proc\/\d+\/fd)?$/)
    expect(lines.at(-1)).toContain('Permission denied')
  })

  test('gains no right', async () => {
    const record = attack(
      `cat /proc/self/status | grep -E '^(CapEff|CapPrm|CapInh|CapAmb|NoNewPrivs|Seccomp):' | tr -d '\\t'; unshare -U true; unshare -r true; mount -t tmpfs x /tmp; chroot / true; cat /proc/self/uid_map | tr -s ' '; find / -xdev -perm -4000 -newermt 2100-01-01; su -c id; dmesg; echo 1 > /proc/sys/kernel/panic; ulimit -n 4096`,
    )
    await record.exit
    expect(record.text('stdout')).toContain(
      'CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\nCapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n',
    )
    expect(record.text('stdout')).not.toContain('uid=0')
    const refusals = record.text('stderr')
    expect(refusals).toContain('unshare failed: Operation not permitted')
    expect(refusals).toMatch(/mount: .*(permission denied|must be superuser|not permitted)/)
    expect(refusals).toContain('chroot')
    expect(refusals).toContain('/proc/sys/kernel/panic')
  })
})

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordSandbox, sandboxSpec } from '../testing/record-sandbox.ts'
import { OciDriver } from './oci-driver.ts'
import { runtimeConfig } from './runtime-config.ts'

const missing = (await new OciDriver({ dataDirectory: '/nonexistent' }).check())
  .filter((check) => check.required && !check.fulfilled)
  .map((check) => check.what)
  .join(', ')

describe.skipIf(missing !== '')(
  `the driver oci${missing === '' ? '' : ` (skipped: this host lacks ${missing})`}`,
  () => {
    let folder: string
    let driver: OciDriver

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sekisho-oci-'))
      await mkdir(join(folder, 'task'))
      await writeFile(join(folder, 'task/data'), 'of this function\n')
      driver = new OciDriver({ dataDirectory: folder })
      await driver.open()
    })

    afterAll(async () => {
      await driver.close()
      expect((await readdir(join(folder, 'oci/bundles'))).length).toBe(0)
      await rm(folder, { recursive: true })
    })

    test('runs a function, isolated, and says how it ended', async () => {
      const record = recordSandbox(
        driver,
        sandboxSpec({
          taskDirectory: join(folder, 'task'),
          command: [
            'sh',
            '-c',
            'cat data; id -u; ls /proc | grep -c "^[0-9]"; echo x > /var/task/y; echo x > /tmp/y && echo err > /dev/stderr; exit 3',
          ],
        }),
      )
      expect(await record.exit).toEqual({ status: 3, signal: undefined, outOfMemory: false, failure: undefined })
      const [data, uid, processes] = record.text('stdout').split('\n')
      expect([data, uid]).toEqual(['of this function', '993'])
      expect(Number(processes)).toBeLessThan(6)
      expect(record.text('stderr')).toContain('Read-only file system')
      expect(record.text('stderr').endsWith('err\n')).toBe(true)
    })

    test('connects to the Runtime API, and is killed frozen', async () => {
      const record = recordSandbox(
        driver,
        sandboxSpec({
          taskDirectory: join(folder, 'task'),
          interpreter: process.execPath,
          command: [
            'node',
            '-e',
            `const [h, p] = process.env.API.split(':'); require('node:net').connect(Number(p), h)`,
          ],
          environment: { PATH: '/var/lang/bin:/usr/local/bin:/usr/bin:/bin' },
        }),
      )
      await record.connection
      record.sandbox.freeze()
      record.sandbox.kill()
      expect(await record.exit).toMatchObject({ signal: 'SIGKILL' })
    })

    test('a memory limit holds', async () => {
      const record = recordSandbox(
        driver,
        sandboxSpec({ taskDirectory: join(folder, 'task'), memoryMb: 64, command: ['sh', '-c', 'tail /dev/zero'] }),
      )
      expect(await record.exit).toMatchObject({ outOfMemory: true })
    })
  },
)

test('a bundle has nothing writable but /tmp, and no right that lasts', () => {
  const spec = sandboxSpec({ command: [], rootDirectory: '/image', network: 'none' })
  const config = runtimeConfig(spec, { rootFolder: '/root-folder', launcherFile: '/root-folder/.launcher' }) as {
    root: { path: string; readonly: boolean }
    process: { noNewPrivileges: boolean; capabilities: { bounding: string[] } }
    mounts: { destination: string; type: string; options: string[] }[]
    linux: { namespaces: { type: string }[] }
  }
  expect(config.root).toEqual({ path: '/image', readonly: true })
  expect(config.process.noNewPrivileges).toBe(true)
  expect(config.process.capabilities.bounding).toEqual(['CAP_SETUID', 'CAP_SETGID'])
  expect(config.linux.namespaces.map((namespace) => namespace.type)).toEqual(['pid', 'ipc', 'uts', 'mount', 'network'])
  for (const mount of config.mounts) {
    if (mount.type === 'bind') expect(mount.options).toContain('ro')
  }
  const host = runtimeConfig({ ...spec, network: 'host' }, { rootFolder: '/r', launcherFile: '/r/l' }) as typeof config
  expect(host.linux.namespaces.some((namespace) => namespace.type === 'network')).toBe(false)
})

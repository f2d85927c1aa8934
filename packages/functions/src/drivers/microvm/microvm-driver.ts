import { accessSync, constants } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver, DriverCheck, Sandbox, SandboxEvents, SandboxSpec } from '../driver.ts'
import { findExecutable } from '../find-executable.ts'
import { writeLauncher } from '../launcher/write-launcher.ts'
import { FolderImages } from './folder-images.ts'
import { MicrovmSandbox, type MicrovmHost } from './microvm-sandbox.ts'

export interface MicrovmDriverOptions {
  readonly dataDirectory: string
  /** Name or path; default `firecracker`. */
  readonly firecracker?: string
  /** Uncompressed kernel image with virtio-blk, virtio-vsock and squashfs. */
  readonly kernel?: string
  /** Image of a root file system with the guest agent as its init: docs/function-sandbox.md. */
  readonly rootFileSystem?: string
  /** For tests. */
  readonly kvm?: string
  readonly makeSquashfs?: string
}

const LAUNCHER = 'launcher'

/** Isolation by virtual machines of Firecracker. */
export class MicrovmDriver implements Driver {
  readonly name = 'microvm'
  private readonly options: MicrovmDriverOptions
  private readonly folder: string
  private readonly sandboxes = new Set<MicrovmSandbox>()
  private host: MicrovmHost | undefined
  private started = 0
  private whenEmpty: (() => void) | undefined

  constructor(options: MicrovmDriverOptions) {
    this.options = options
    this.folder = join(options.dataDirectory, 'microvm')
  }

  async check(): Promise<readonly DriverCheck[]> {
    const { kernel, rootFileSystem, kvm = '/dev/kvm' } = this.options
    const file = (what: string, path: string | undefined, mode: number, missing: string): DriverCheck => {
      const fulfilled = path !== undefined && isAccessible(path, mode)
      return { what, fulfilled, detail: fulfilled ? path : `${path ?? 'not set'}: ${missing}`, required: true }
    }
    return [
      program('firecracker', this.program('firecracker'), 'download a release of Firecracker and set its path'),
      program('mksquashfs', this.makeSquashfs(), 'apt-get install squashfs-tools'),
      file('KVM', kvm, constants.R_OK | constants.W_OK, 'enable virtualization, and give this user the group kvm'),
      file('kernel image', kernel, constants.R_OK, 'set the path of an uncompressed kernel'),
      file('root file system', rootFileSystem, constants.R_OK, 'set the path of an image with the guest agent'),
    ]
  }

  async open(): Promise<void> {
    const missing = (await this.check()).filter((check) => !check.fulfilled)
    if (missing.length > 0) {
      const reasons = missing.map((check) => `${check.what}: ${check.detail}`)
      throw new Error(`the driver microvm cannot run on this host; ${reasons.join('; ')}`)
    }
    // Machines of an engine that was killed have ended with it; only files are left.
    const machines = join(this.folder, 'machines')
    await rm(machines, { recursive: true, force: true })
    await mkdir(machines, { recursive: true, mode: 0o700 })
    this.host = {
      launcher: await writeLauncher(join(machines, LAUNCHER)),
      firecracker: this.program('firecracker')!,
      kernel: this.options.kernel!,
      rootFileSystem: this.options.rootFileSystem!,
      images: new FolderImages(join(this.folder, 'images'), this.makeSquashfs()!),
      folder: machines,
      ended: (sandbox) => {
        this.sandboxes.delete(sandbox)
        if (this.sandboxes.size === 0) this.whenEmpty?.()
      },
    }
  }

  start(spec: SandboxSpec, events: SandboxEvents): Sandbox {
    if (this.host === undefined) throw new Error('the driver microvm is not open')
    // Paths of unix sockets have room for 107 bytes, so the folder has a number for its name.
    const sandbox = new MicrovmSandbox(spec, events, this.host, String(++this.started))
    this.sandboxes.add(sandbox)
    return sandbox
  }

  async close(): Promise<void> {
    if (this.sandboxes.size > 0) {
      const empty = new Promise<void>((resolve) => {
        this.whenEmpty = resolve
      })
      for (const sandbox of this.sandboxes) sandbox.kill()
      await empty
    }
    this.host = undefined
    await rm(join(this.folder, 'machines'), { recursive: true, force: true })
  }

  private makeSquashfs(): string | undefined {
    return this.options.makeSquashfs ?? findExecutable('mksquashfs')
  }

  private program(name: string): string | undefined {
    const given = this.options.firecracker ?? name
    return given.includes('/') ? (isAccessible(given, constants.X_OK) ? given : undefined) : findExecutable(given)
  }
}

function program(what: string, path: string | undefined, missing: string): DriverCheck {
  return { what, fulfilled: path !== undefined, detail: path ?? `not installed: ${missing}`, required: true }
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

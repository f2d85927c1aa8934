import type { Driver, DriverName } from './driver.ts'

export interface DriverOptions {
  /** Of the engine: absolute, on a disk, written by nobody else. */
  readonly dataDirectory: string
  /** Of the drivers `sandbox` and `oci`. */
  readonly sandbox?: {
    /** Users of the host for sandboxes when the engine is root, one each; default 20,000 from 200000 on. */
    readonly firstUser?: number
    readonly users?: number
    /** Functions with the network `egress` reach private networks too; default false. */
    readonly privateNetworks?: boolean
  }
  readonly oci?: {
    /** Name or path of the OCI runtime; default `runc`. */
    readonly runtime?: string
  }
  readonly microvm?: {
    /** Name or path; default `firecracker`. */
    readonly firecracker?: string
    /** Uncompressed kernel image. */
    readonly kernel?: string
    /** Image of a root file system with the guest agent as its init. */
    readonly rootFileSystem?: string
  }
}

/** By its name and nothing else: a driver that this host cannot run rejects in `open`. */
export async function createDriver(name: DriverName, options: DriverOptions): Promise<Driver> {
  switch (name) {
    case 'process': {
      const { ProcessDriver } = await import('./process/process-driver.ts')
      return new ProcessDriver(options)
    }
    case 'sandbox': {
      const { SandboxDriver } = await import('./sandbox/sandbox-driver.ts')
      return new SandboxDriver({ dataDirectory: options.dataDirectory, ...options.sandbox })
    }
    case 'oci': {
      const { OciDriver } = await import('./oci/oci-driver.ts')
      return new OciDriver({ dataDirectory: options.dataDirectory, ...options.sandbox, ...options.oci })
    }
    case 'microvm': {
      const { MicrovmDriver } = await import('./microvm/microvm-driver.ts')
      return new MicrovmDriver({ dataDirectory: options.dataDirectory, ...options.microvm })
    }
  }
}

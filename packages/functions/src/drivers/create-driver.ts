import type { Driver, DriverName } from './driver.ts'
import { ProcessDriver } from './process/process-driver.ts'

export interface DriverOptions {
  /** Of the engine: absolute, on a disk, written by nobody else. */
  readonly dataDirectory: string
}

/** By its name and nothing else: a driver that this host cannot run rejects in `open`. */
export async function createDriver(name: DriverName, options: DriverOptions): Promise<Driver> {
  switch (name) {
    case 'process':
      return new ProcessDriver(options)
    case 'sandbox':
    case 'oci':
    case 'microvm':
      throw new Error(`the driver ${name} is not there yet`)
  }
}

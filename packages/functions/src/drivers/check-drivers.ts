import { createDriver, type DriverOptions } from './create-driver.ts'
import type { DriverCheck, DriverName } from './driver.ts'

const NAMES: readonly DriverName[] = ['process', 'sandbox', 'oci', 'microvm']

/** What this host has for each driver: `sekisho fn doctor`. Starts no function. */
export async function checkDrivers(
  options: Omit<DriverOptions, 'dataDirectory'> = {},
): Promise<readonly { readonly driver: DriverName; readonly checks: readonly DriverCheck[] }[]> {
  const found = []
  for (const name of NAMES) {
    const driver = await createDriver(name, { ...options, dataDirectory: '/' })
    found.push({ driver: name, checks: await driver.check() })
  }
  return found
}

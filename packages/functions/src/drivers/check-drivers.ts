import { createDriver } from './create-driver.ts'
import type { DriverCheck, DriverName } from './driver.ts'

const NAMES: readonly DriverName[] = ['process', 'sandbox', 'oci', 'microvm']

/** What this host has for each driver: `sekisho fn doctor`. Starts nothing. */
export async function checkDrivers(
  dataDirectory: string,
): Promise<readonly { readonly driver: DriverName; readonly checks: readonly DriverCheck[] }[]> {
  const found = []
  for (const name of NAMES) {
    const driver = await createDriver(name, { dataDirectory })
    found.push({ driver: name, checks: await driver.check() })
  }
  return found
}

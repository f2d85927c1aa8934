import { ContainerDriver, type ContainerDriverOptions } from '../sandbox/container-driver.ts'
import { RuncTool } from './runc-tool.ts'

export interface OciDriverOptions extends ContainerDriverOptions {
  /** Name or path of the OCI runtime; default `runc`. */
  readonly runtime?: string
}

/** As the driver `sandbox`, with namespaces and mounts by an OCI runtime: for hosts whose rules ask for one. */
export class OciDriver extends ContainerDriver {
  constructor(options: OciDriverOptions) {
    super('oci', options, new RuncTool(options.runtime))
  }
}

import { BubblewrapTool } from './bubblewrap-tool.ts'
import { ContainerDriver, type ContainerDriverOptions } from './container-driver.ts'

/** The driver for functions of strangers: bubblewrap makes the namespaces. */
export class SandboxDriver extends ContainerDriver {
  constructor(options: ContainerDriverOptions) {
    super('sandbox', options, new BubblewrapTool())
  }
}

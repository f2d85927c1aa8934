import type { DriverCheck, SandboxPaths, SandboxSpec } from '../driver.ts'

/** How a tool is to be started for one sandbox. Its descriptors: 0 script, 2 reports, 3 channel, then those of the control groups. */
export interface ContainerCommand {
  readonly program: string
  readonly arguments: readonly string[]
  /** When the sandbox is gone. */
  readonly remove: () => void
}

/** A program that makes a container and runs the launcher as its process 1. */
export interface ContainerTool {
  /** It is so small that it may be in the sandbox's control group itself. */
  readonly inGroup: boolean
  check(): Promise<readonly DriverCheck[]>
  /**
   * Ends and removes what is left of an engine before this one, and makes ready.
   *
   * @param folder of the driver
   * @param rootFolder of `makeRootFolder`; does not exist yet
   */
  open(folder: string, rootFolder: string): Promise<void>
  /** Where things are inside. */
  paths(spec: SandboxSpec): SandboxPaths
  /** @param options.descriptors how many besides 0, 1 and 2 the launcher needs */
  command(spec: SandboxSpec, options: { readonly asRoot: boolean; readonly descriptors: number }): ContainerCommand
}

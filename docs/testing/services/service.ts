/** A small server beside the gateway of a worked example. Each file beside this one exports `start(): Promise<Service>`. */
export interface Service {
  /** Where it listens on 127.0.0.1. */
  readonly port: number
  /** All that it received so far, as text: for `# NAME got: …`. */
  readonly received?: () => string
  readonly close: () => Promise<void>
}

/** `start` of the service of that name. */
export async function startService(name: string): Promise<Service> {
  // By its address: the test runner wants to know the paths of imports beforehand otherwise.
  const module = (await import(/* @vite-ignore */ new URL(`${name}.ts`, import.meta.url).href)) as {
    readonly start: () => Promise<Service>
  }
  return module.start()
}

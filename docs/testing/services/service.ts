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
  const module = (await import(`./${name}.ts`)) as { readonly start: () => Promise<Service> }
  return module.start()
}

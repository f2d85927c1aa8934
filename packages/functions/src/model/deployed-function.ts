/** What a function may reach: nothing, the world but not this host, or all that this host reaches. */
export type FunctionNetwork = 'none' | 'egress' | 'host'

export interface FunctionLogging {
  readonly format: 'Text' | 'JSON'
  /** TRACE to FATAL; only with the format JSON. */
  readonly applicationLevel: string | undefined
  /** DEBUG, INFO or WARN. */
  readonly systemLevel: string | undefined
  /** `/aws/lambda/NAME` unless set. */
  readonly group: string
}

/**
 * One version of a function as the engine runs it: complete, checked and unpacked. Never changes: a change of code or configuration makes another
 * one with another `revisionId`.
 */
export interface DeployedFunction {
  readonly name: string
  /** `$LATEST`, or a number as text. */
  readonly version: string
  /** Without a qualifier: `arn:aws:lambda:us-east-1:000000000000:function:NAME`. */
  readonly arn: string
  readonly revisionId: string
  /** `provided.al2023`, `nodejs20.x`, `python3.12`, …; undefined for a container image. */
  readonly runtime: string | undefined
  readonly handler: string
  readonly packageType: 'Zip' | 'Image'
  /** MB, 128 to 10,240. */
  readonly memoryMb: number
  readonly timeoutMs: number
  /** Size of /tmp, MB. */
  readonly ephemeralStorageMb: number
  /** The user's own variables. */
  readonly environment: Readonly<Record<string, string>>
  /** Absolute path of the unpacked package (of an image: of its root file system), which nobody writes to. */
  readonly taskDirectory: string
  /** All layers, merged in their order; undefined: there are none. */
  readonly layersDirectory: string | undefined
  /** ENTRYPOINT, CMD and WORKDIR of an image after ImageConfig's; undefined for a Zip. */
  readonly image:
    | {
        readonly command: readonly string[]
        readonly workingDirectory: string
        readonly environment: Readonly<Record<string, string>>
      }
    | undefined
  readonly logging: FunctionLogging
  readonly tracing: 'Active' | 'PassThrough'
  readonly network: FunctionNetwork
}

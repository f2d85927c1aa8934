/** The parts of the control API's answers that the commands use. */
export interface FunctionConfiguration {
  readonly FunctionName: string
  readonly FunctionArn: string
  readonly Runtime?: string
  readonly Handler?: string
  readonly Role?: string
  readonly Description?: string
  readonly CodeSize: number
  /** Base64. */
  readonly CodeSha256: string
  readonly MemorySize: number
  /** Seconds. */
  readonly Timeout: number
  readonly EphemeralStorage?: { readonly Size: number }
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> }
  readonly Layers?: readonly { readonly Arn: string }[]
  readonly LoggingConfig?: { readonly LogFormat?: string }
  readonly LastModified: string
  readonly Version: string
  readonly State?: string
  readonly StateReason?: string
  readonly LastUpdateStatus?: string
  readonly LastUpdateStatusReason?: string
}

/** What a function is to be; what is left out stays as it is. */
export interface ConfigurationInput {
  readonly Runtime?: string
  readonly Handler?: string
  readonly Role?: string
  readonly Description?: string
  readonly MemorySize?: number
  readonly Timeout?: number
  readonly EphemeralStorage?: { readonly Size: number }
  readonly Environment?: { readonly Variables: Readonly<Record<string, string>> }
  readonly Layers?: readonly string[]
  readonly LoggingConfig?: { readonly LogFormat: string }
}

export interface Cors {
  readonly AllowOrigins?: readonly string[]
  readonly AllowMethods?: readonly string[]
  readonly AllowHeaders?: readonly string[]
  readonly AllowCredentials?: boolean
  readonly MaxAge?: number
}

export interface FunctionUrlInput {
  readonly AuthType: 'NONE' | 'AWS_IAM'
  readonly InvokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
  readonly Cors?: Cors
}

/** One line of a function's log. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly stream: string
  readonly text: string
}

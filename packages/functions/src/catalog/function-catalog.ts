import type { DeployedFunction } from '../model/deployed-function.ts'

/** What a name and a qualifier stand for at this moment. */
export interface ResolvedFunction {
  readonly function: DeployedFunction
  /** The ARN as invoked: with the alias or version if one was named. */
  readonly invokedArn: string
}

export interface FunctionPolicyCheck {
  /** `*`, a service (`apigateway.amazonaws.com`) or an account. */
  readonly principal: string
  readonly sourceArn: string | undefined
  readonly functionUrlAuthType: 'NONE' | 'AWS_IAM' | undefined
}

/** The function URL of a function or alias. */
export interface FunctionUrl {
  /** 32 characters, the first label of the host. */
  readonly id: string
  readonly functionName: string
  readonly qualifier: string | undefined
  readonly authType: 'NONE' | 'AWS_IAM'
  readonly invokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
  readonly cors:
    | {
        readonly allowCredentials: boolean
        readonly allowHeaders: readonly string[]
        readonly allowMethods: readonly string[]
        readonly allowOrigins: readonly string[]
        readonly exposeHeaders: readonly string[]
        readonly maxAge: number
      }
    | undefined
}

/** What happens to an Event invocation. */
export interface EventInvokeConfig {
  /** 0 to 2. */
  readonly maximumRetryAttempts: number
  /** Seconds, 60 to 21,600. */
  readonly maximumEventAge: number
  /** ARNs: of a function, a queue (`arn:aws:sqs:…`), a topic; how ARNs of queues are served is `async/`'s. */
  readonly onSuccess: string | undefined
  readonly onFailure: string | undefined
  /** DeadLetterConfig.TargetArn of the function. */
  readonly deadLetter: string | undefined
}

/** The functions that are there, for whoever calls them. Answers from memory. Throws ServiceError. */
export interface FunctionCatalog {
  /**
   * Name, `name:qualifier`, partial or full ARN (percent-decoded) and the qualifier of the query. An alias with weights throws dice.
   * ResourceNotFoundException, InvalidParameterValueException, ResourceConflictException (still pending).
   */
  resolve(nameOrArn: string, qualifier: string | undefined): ResolvedFunction
  /** A package may have to be unpacked again after a restart: resolves when `resolve`'s result can run. */
  prepare(resolved: ResolvedFunction): Promise<void> | undefined
  allows(nameOrArn: string, qualifier: string | undefined, check: FunctionPolicyCheck): boolean
  urlById(id: string): FunctionUrl | undefined
  urlOf(nameOrArn: string): FunctionUrl | undefined
  eventInvokeConfig(functionName: string, qualifier: string | undefined): EventInvokeConfig
  /** Code or configuration of `$LATEST` changed, a version was published, something was deleted: `revisionId` is what now holds. */
  onChange(listener: (functionName: string, version: string, revisionId: string | undefined) => void): () => void
}

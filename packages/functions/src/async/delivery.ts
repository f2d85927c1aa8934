/** One attribute of a message, as SQS has them. */
export interface MessageAttribute {
  readonly type: 'String' | 'Number'
  readonly value: string
}

/** A message to somebody about an event that is over. */
export interface Delivery {
  /** `arn:aws:lambda:…`, `arn:aws:sqs:…`, … */
  readonly arn: string
  /** JSON. */
  readonly body: string
  readonly attributes: Readonly<Record<string, MessageAttribute>>
}

/** Of a function, maybe with a qualifier. */
export const isFunctionArn = (arn: string): boolean => arn.split(':', 3)[2] === 'lambda'

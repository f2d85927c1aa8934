import {
  albAnswer,
  http2Answer,
  restAnswer,
  type AlbAnswer,
  type FunctionFailure,
  type HttpAnswer,
  type MalformedAnswer,
  type MediaTypes,
  type PayloadFormat,
} from '@sekisho/functions/events'

/** How the answer to one request is read. */
export interface AnswerReading {
  readonly format: PayloadFormat
  readonly requestId: string
  readonly binaryTypes: MediaTypes
  /** The client's Accept field. */
  readonly accept: string | undefined
  /** It was only queued (`Event`): there is none. */
  readonly queued: boolean
}

/** @param detail what the client is not told */
export type OnFailure = (failure: FunctionFailure, detail: string) => void

/** What a function answered, in HTTP. */
export function readAnswer(payload: Buffer, how: AnswerReading): (HttpAnswer & Partial<AlbAnswer>) | MalformedAnswer {
  switch (how.format) {
    case 'rest-1.0':
      return restAnswer(payload, how)
    case 'alb':
      return albAnswer(payload)
    default:
      return http2Answer(payload)
  }
}

/** 6 MB and what AWS adds; a load balancer takes 1 MB. */
export const maxAnswerBytes = (format: PayloadFormat): number => (format === 'alb' ? 1_048_576 : 6_291_556)

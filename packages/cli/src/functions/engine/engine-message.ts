/** What an engine process tells whoever started it. */
export type EngineMessage =
  | {
      readonly type: 'ready'
      /** `http://127.0.0.1:9190`, or `unix:PATH` */
      readonly address: string
    }
  | { readonly type: 'failed'; readonly reason: string }

export const isEngineMessage = (message: unknown): message is EngineMessage =>
  typeof message === 'object' && message !== null && 'type' in message

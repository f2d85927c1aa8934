import type { RuntimeApiListener } from './runtime-api-listener.ts'

/** Listens when nobody does any more: what connections still say while they are being cut. */
export const NOBODY: RuntimeApiListener = {
  onRuntimeNext: () => undefined,
  onResponse: () => undefined,
  onResponseStart: () => undefined,
  onResponseChunk: () => true,
  onResponseEnd: () => undefined,
  onResponseTooLarge: () => undefined,
  onError: () => undefined,
  onInitError: () => undefined,
  onExtensionRegistered: () => undefined,
  onExtensionNext: () => undefined,
  onExtensionFailed: () => undefined,
}

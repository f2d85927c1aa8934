import type { SettingsDraft } from '../output/settings-draft.ts'
import type { Message } from '../reader/message.ts'

/** The largest body is a limit of the node here, and no body is held back for it. */
export function readBuffer(buffer: Message, settings: SettingsDraft): void {
  const bytes = buffer.number('max_request_bytes')
  if (bytes === undefined) return
  settings.put('limits.max_body_bytes', bytes, buffer, 'max_request_bytes')
  buffer.warn('max_request_bytes', 'holds for all routes of the node, and bodies are passed on as they come')
}

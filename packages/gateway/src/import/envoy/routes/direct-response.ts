import type { Plugins } from '../output/draft.ts'
import { readDataSource } from '../reader/data-source.ts'
import type { Message } from '../reader/message.ts'

/** An answer of the gateway itself, by the plugin that makes such. */
export function directResponse(action: Message): Plugins {
  const body = readDataSource(action.message('body'))
  if (body !== undefined && !('text' in body)) action.lose('body', 'write the text itself, as inline_string')
  const text = body !== undefined && 'text' in body ? body.text : ''
  return { mocking: answer(action.number('status') ?? 200, text) }
}

export const answer = (status: number, text: string): Record<string, unknown> => ({
  response_status: status,
  content_type: 'text/plain',
  response_example: text.replaceAll('$', '\\$'),
  with_mock_header: false,
})

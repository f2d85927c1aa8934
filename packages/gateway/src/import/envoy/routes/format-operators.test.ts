import { expect, test } from 'vitest'
import { convertFormat } from './format-operators.ts'

test.each([
  ['%REQ(:METHOD)% %RESPONSE_CODE%', '$request_method $status'],
  ['%START_TIME(%s.%3f)%', '$time_iso8601'],
  ['%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%', '$request_uri'],
  ['%REQ(User-Agent):20%s', '${http_user_agent}s'],
  ['%RESP(x-id)%', '$sent_http_x_id'],
  ['100%%', '100%'],
  ['$5', '\\$5'],
])('%s', (format, text) => expect(convertFormat(format, '\\$')).toEqual({ text, missing: [] }))

test('names what has no variable, and leaves it out', () => {
  expect(convertFormat('a%RESPONSE_FLAGS%b%DYNAMIC_METADATA(x:y)%c', '')).toEqual({
    text: 'abc',
    missing: ['%RESPONSE_FLAGS%', '%DYNAMIC_METADATA(x:y)%'],
  })
})

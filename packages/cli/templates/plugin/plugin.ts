/**
 * Says hello in a header of the response, and keeps out clients by their User-Agent.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       __name__: { text: hello, deny: [BadBot/1.0] }
 * ```
 *
 * Clients on the list get a 403, and no upstream is asked.
 */
import { definePlugin, Type } from '@sekisho/gateway'

export default definePlugin({
  name: '__name__',
  // Within a phase plugins with a higher number run first.
  priority: 2500,
  schema: Type.Object(
    {
      text: Type.String({ minLength: 1, default: 'hello', description: 'what X-Hello says' }),
      deny: Type.Array(Type.String(), { default: [], description: 'values of User-Agent that are kept out' }),
    },
    { additionalProperties: false },
  ),
  // Once for each place that the plugin stands on, not for each request.
  create({ text, deny }) {
    const denied = new Set(deny)
    return {
      access(session) {
        const agent = session.request.headers.get('user-agent') ?? ''
        if (denied.has(agent)) session.respond(403, { message: 'not you' })
      },
      headerFilter({ response }) {
        response?.headers.set('X-Hello', text)
      },
    }
  },
})

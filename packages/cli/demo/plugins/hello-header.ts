import { definePlugin, Type } from '@sekisho/gateway'

/** Puts a greeting into every response. Change it, save, ask again: no restart. */
export default definePlugin({
  name: 'hello-header',
  priority: 100,
  schema: Type.Object({ text: Type.String() }),
  create({ text }) {
    return {
      headerFilter(session) {
        session.response?.headers.set('X-Hello', text)
      },
    }
  },
})

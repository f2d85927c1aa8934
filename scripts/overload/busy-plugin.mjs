// A plugin that takes a while of the CPU for each request, as checking a signature does.
import { pbkdf2Sync } from 'node:crypto'

export default {
  name: 'busy',
  priority: 1,
  schema: { type: 'object', properties: { rounds: { type: 'integer', minimum: 1 } }, required: ['rounds'] },
  create: ({ rounds }) => ({
    access: (session) => {
      pbkdf2Sync(session.request.headers.get('x-key') ?? '', 'salt', rounds, 32, 'sha256')
    },
  }),
}

/** Paths beside those of resources: what they are for, and their parameters. */
const query = (name: string, type: string, description: string): object => ({
  name,
  in: 'query',
  schema: { type },
  description,
})

const inPath = (name: string): object => ({ name, in: 'path', required: true, schema: { type: 'string' } })

const json = (schema: object = {}): object => ({ content: { 'application/json': { schema } } })

const operation = (operationId: string, summary: string, tag: string, more: object = {}): object => ({
  operationId,
  tags: [tag],
  summary,
  responses: {
    '200': { description: 'done', ...json() },
    '400': { description: 'refused', ...json({ $ref: '#/components/schemas/error' }) },
  },
  ...more,
})

const DRY_RUN = query('dry_run', 'boolean', 'says what would happen, and writes nothing')
const COMMENT = query('comment', 'string', 'for the history')
const document = { required: true, ...json({ type: 'object', description: 'lists of resources as in sekisho.yaml' }) }

export const OTHER_PATHS: Readonly<Record<string, object>> = {
  '/transaction': {
    post: operation('transaction', 'writes many resources, all or none', 'changes', {
      parameters: [
        query('replace', 'boolean', 'deletes what is not in the body'),
        query('if_revision', 'integer', 'only when this is the revision of the configuration'),
        query('force', 'boolean', 'deletes also what others refer to'),
        DRY_RUN,
        COMMENT,
      ],
      requestBody: document,
    }),
  },
  '/configs': {
    get: operation('get_configs', 'all resources as one document', 'changes', {
      parameters: [
        query('revision', 'integer', 'as they were then'),
        query('secrets', 'boolean', 'with secrets, for an admin: to be restored elsewhere'),
      ],
    }),
  },
  '/configs/validate': {
    post: operation('validate_configs', 'checks a whole document', 'changes', { requestBody: document }),
  },
  '/history': {
    get: operation('history', 'changes, the newest first', 'changes', {
      parameters: [query('limit', 'integer', '1 to 1000'), query('before', 'integer', 'a revision: only older ones')],
    }),
  },
  '/diff': {
    get: operation('diff', 'what differs between two revisions', 'changes', {
      parameters: [query('from', 'integer', 'a revision'), query('to', 'integer', 'a revision; left out: now')],
    }),
  },
  '/rollback': {
    post: operation('rollback', 'makes everything, or one resource, what it was at a revision', 'changes', {
      parameters: [DRY_RUN, COMMENT],
      requestBody: {
        required: true,
        ...json({
          type: 'object',
          required: ['revision'],
          properties: { revision: { type: 'integer' }, only: { type: 'string', examples: ['routes/1'] } },
        }),
      },
    }),
  },
  '/events': {
    get: operation('events', 'server-sent events, one for each change', 'changes', {
      responses: { '200': { description: 'a stream', content: { 'text/event-stream': {} } } },
    }),
  },
  '/explain': {
    get: operation('explain', 'what would become of a request', 'changes', {
      parameters: [
        query('url', 'string', '/path or http://host/path'),
        query('method', 'string', 'GET unless said otherwise'),
        query('header', 'string', 'Name: value; may be there several times'),
        query('remote_addr', 'string', 'of the client'),
        query('consumer', 'string', 'who calls, whatever the credentials'),
        query('all', 'boolean', 'names all routes that were not taken'),
      ],
    }),
  },
  '/plugins/list': { get: operation('list_plugins', 'names of plugins, in the order in which they run', 'schemas') },
  '/plugins/reload': { put: operation('reload_plugins', 'loads plugins of your own anew', 'schemas') },
  '/plugins/{name}': {
    parameters: [inPath('name')],
    get: operation('get_plugin', 'the JSON Schema of a plugin', 'schemas', {
      parameters: [
        query('subsystem', 'string', 'http or stream'),
        query('schema_type', 'string', 'consumer or metadata'),
      ],
    }),
  },
  '/schema/{kind}': {
    parameters: [inPath('kind')],
    get: operation('get_schema', 'the JSON Schema of a resource, as "route"', 'schemas'),
  },
  '/schema/sekisho.json': {
    get: operation('get_config_schema', 'the JSON Schema of a whole sekisho.yaml', 'schemas'),
  },
  '/schema/validate/{kind}': {
    parameters: [inPath('kind')],
    post: operation('validate_schema', 'checks one resource by the schemas alone', 'schemas', {
      requestBody: { required: true, ...json({ type: 'object' }) },
    }),
  },
}

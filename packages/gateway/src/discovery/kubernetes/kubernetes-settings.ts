import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const
const name = '^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$'
const patterns = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, description }))

const fields = {
  service: Type.Optional(
    Type.Object(
      {
        schema: Type.Optional(
          Type.Enum(['http', 'https'], { default: 'https', description: 'how the API server is spoken to' }),
        ),
        host: Type.Optional(
          Type.String({ minLength: 1, default: '${KUBERNETES_SERVICE_HOST}', description: 'of the API server' }),
        ),
        port: Type.Optional(
          Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 1, maximum: 65535 })], {
            default: '${KUBERNETES_SERVICE_PORT}',
            description: 'its port',
          }),
        ),
        ssl_verify: Type.Optional(
          Type.Boolean({ default: true, description: 'verify the certificate of the API server' }),
        ),
        ca_file: Type.Optional(
          Type.String({
            minLength: 1,
            description: 'its authorities, PEM; left out: those of the pod where there are some, else those of Node.js',
          }),
        ),
      },
      { ...strict, default: {}, description: 'the API server; `${NAME}` is an environment variable' },
    ),
  ),
  client: Type.Optional(
    Type.Object(
      {
        token: Type.Optional(Type.String({ minLength: 1, description: 'better $env://NAME than the token itself' })),
        token_file: Type.Optional(
          Type.String({
            minLength: 1,
            default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
            description: 'read for every request: the cluster replaces it',
          }),
        ),
      },
      { ...strict, default: {}, description: 'who the gateway is there' },
    ),
  ),
  namespace_selector: Type.Optional(
    Type.Object(
      {
        equal: Type.Optional(
          Type.String({ pattern: name, description: 'this one alone; all that the account has to read' }),
        ),
        not_equal: Type.Optional(Type.String({ pattern: name, description: 'all but this one' })),
        match: patterns('regular expressions, one of which must match'),
        not_match: patterns('regular expressions, none of which may match'),
      },
      { ...strict, maxProperties: 1, default: {}, description: 'namespaces that are read' },
    ),
  ),
  label_selector: Type.Optional(
    Type.String({ minLength: 1, description: 'of the EndpointSlices, as "env in (prod)"' }),
  ),
  default_weight: Type.Optional(Type.Integer({ minimum: 0, default: 50, description: 'of each node' })),
  watch_endpoint_slices: Type.Optional(
    Type.Literal(true, { default: true, description: 'EndpointSlices are what is read; the older Endpoints are not' }),
  ),
}

/** One cluster, or several with an `id` each. */
export const KubernetesSettings = Type.Union(
  [
    Type.Object(fields, strict),
    Type.Array(
      Type.Object(
        {
          id: Type.String({
            pattern: '^[a-z0-9]{1,64}$',
            patternErrorMessage: 'must have letters and digits alone',
            description: 'names begin with it: `ID/NAMESPACE/SERVICE:PORT`',
          }),
          ...fields,
        },
        strict,
      ),
      { minItems: 1, maxItems: 32 },
    ),
  ],
  { description: 'Kubernetes: one cluster, or a list of them' },
)
export type KubernetesSettings = Static<typeof KubernetesSettings>
/** Of one of them. */
export type ClusterSettings = Exclude<KubernetesSettings, readonly unknown[]> & { readonly id?: string }

import { fieldsOf, portOf, textOf, type Fields } from '../http/fields.ts'
import type { FoundNode } from '../source.ts'

/** What is kept of an EndpointSlice (`discovery.k8s.io/v1`). */
interface Slice {
  /** `namespace/service`. */
  readonly service: string
  readonly ports: readonly { readonly name: string; readonly port: number | undefined }[]
  readonly endpoints: readonly { readonly host: string; readonly zone: string; readonly node: string }[]
}

/** Slices of one cluster: 100 endpoints each by default, so ten million. */
const MAX_SLICES = 100_000

/** The EndpointSlices of a cluster by name, and by the service that they belong to. */
export class SliceTable {
  private readonly slices = new Map<string, Slice>()
  private readonly byService = new Map<string, Set<string>>()

  /** Takes a slice in, in place of an older one. Returns the services that this may change. */
  set(object: Fields): readonly string[] {
    const name = nameOf(object)
    const slice = sliceOf(object)
    const before = this.delete(name)
    if (slice === undefined) return before
    if (this.slices.size >= MAX_SLICES)
      throw new Error(`has more than ${MAX_SLICES} EndpointSlices: narrow "namespace_selector" or "label_selector"`)
    this.slices.set(name, slice)
    const names = this.byService.get(slice.service)
    if (names === undefined) this.byService.set(slice.service, new Set([name]))
    else names.add(name)
    return before.includes(slice.service) ? before : [...before, slice.service]
  }

  remove(object: Fields): readonly string[] {
    return this.delete(nameOf(object))
  }

  /**
   * The nodes of a service at a port, by its name or number; '' is the only port.
   * @throws Error when it has several
   */
  nodesOf(service: string, port: string, weight: number): FoundNode[] {
    const names = this.byService.get(service) ?? []
    return [...names].flatMap((name) => {
      const { ports, endpoints } = this.slices.get(name) as Slice
      const found = port === '' ? only(ports) : ports.find((one) => one.name === port || String(one.port) === port)
      if (found?.port === undefined) return []
      return endpoints.map(({ host, zone, node }) => ({
        host,
        port: found.port,
        weight,
        metadata: { ...(zone === '' ? {} : { zone }), ...(node === '' ? {} : { node }) },
      }))
    })
  }

  private delete(name: string): readonly string[] {
    const slice = this.slices.get(name)
    if (slice === undefined) return []
    this.slices.delete(name)
    const names = this.byService.get(slice.service)
    names?.delete(name)
    if (names?.size === 0) this.byService.delete(slice.service)
    return [slice.service]
  }
}

function only(ports: Slice['ports']): Slice['ports'][number] | undefined {
  if (ports.length <= 1) return ports[0]
  const names = ports.map(({ name, port }) => name || String(port)).join('", "')
  throw new Error(`it has several ports: add one to the name, ":" and "${names}"`)
}

function nameOf(object: Fields): string {
  const { namespace, name } = fieldsOf(object['metadata'])
  if (textOf(name) === '') throw new Error('sends an EndpointSlice without a name')
  return `${textOf(namespace)}/${textOf(name)}`
}

/** Undefined: it belongs to no service. */
function sliceOf(object: Fields): Slice | undefined {
  const { namespace, labels } = fieldsOf(object['metadata'])
  const service = textOf(fieldsOf(labels)['kubernetes.io/service-name'])
  if (service === '') return undefined
  const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : [])
  return {
    service: `${textOf(namespace)}/${service}`,
    ports: list(object['ports'])
      .filter(({ protocol }) => protocol !== 'SCTP')
      .map(({ name, port }) => ({ name: textOf(name), port: portOf(port ?? undefined) })),
    endpoints: list(object['endpoints'])
      // Unset is to be read as ready.
      .filter(({ conditions }) => fieldsOf(conditions)['ready'] !== false)
      .map(({ addresses, zone, nodeName }) => ({
        // Further addresses are of the same endpoint, and kube-proxy uses the first one, too.
        host: textOf(Array.isArray(addresses) ? (addresses as unknown[])[0] : undefined),
        zone: textOf(zone),
        node: textOf(nodeName),
      })),
  }
}

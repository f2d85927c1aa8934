// A filter in AssemblyScript. Its configuration is a word: what stands in `x-trail` of requests and responses. `/closed` is answered with a 410, and
// `x-append` of a response is put behind its body.
export * from '@solo-io/proxy-runtime/assembly/proxy'
import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  GrpcStatusValues,
  log,
  LogLevelValues,
  registerRootContext,
  RootContext,
  send_local_response,
  stream_context,
} from '@solo-io/proxy-runtime/assembly/runtime'

// The SDK reads bodies, but does not write them.
// @ts-ignore: decorator
@external("env", "proxy_set_buffer_bytes")
declare function proxy_set_buffer_bytes(type: u32, start: u32, size: u32, data: usize, length: usize): u32

class TrailRoot extends RootContext {
  createContext(id: u32): Context {
    return new Trail(id, this)
  }
}

class Trail extends Context {
  append: string = ''

  constructor(id: u32, root: TrailRoot) {
    super(id, root)
  }

  onRequestHeaders(_count: u32, _end: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.request
    if (headers.get(':path') == '/closed') {
      log(LogLevelValues.warn, 'closed')
      send_local_response(410, 'closed', String.UTF8.encode('the trail ends here\n'), [], GrpcStatusValues.InvalidCode)
      return FilterHeadersStatusValues.StopIteration
    }
    headers.replace('x-trail', this.root_context.getConfiguration())
    headers.remove('x-secret')
    return FilterHeadersStatusValues.Continue
  }

  onResponseHeaders(_count: u32, _end: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.response
    headers.add('x-trail', this.root_context.getConfiguration())
    this.append = headers.get('x-append')
    if (this.append != '') headers.remove('content-length')
    return FilterHeadersStatusValues.Continue
  }

  onResponseBody(size: usize, end: bool): FilterDataStatusValues {
    if (end && this.append != '') {
      const bytes = String.UTF8.encode(this.append)
      proxy_set_buffer_bytes(BufferTypeValues.HttpResponseBody, u32(size), 0, changetype<usize>(bytes), bytes.byteLength)
    }
    return FilterDataStatusValues.Continue
  }
}

registerRootContext((id: u32) => new TrailRoot(id), 'paper-trail')

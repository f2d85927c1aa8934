'use strict'

const REQUEST_ID = Symbol.for('_AWS_LAMBDA_REQUEST_ID')
const X_RAY_TRACE_ID = Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID')
const TENANT_ID = Symbol.for('_AWS_LAMBDA_TENANT_ID')
const PROTECTED = new Set([REQUEST_ID, X_RAY_TRACE_ID, TENANT_ID])

/**
 * What belongs to the invocation under way, for libraries (`awslambda.InvokeStore`, as `@aws/lambda-invoke-store` has it). With one invocation at
 * a time it is a field; with more (`AWS_LAMBDA_MAX_CONCURRENCY`) it follows the asynchronous calls.
 */
class InvokeStore {
  static PROTECTED_KEYS = { REQUEST_ID, X_RAY_TRACE_ID, TENANT_ID }

  /** @param unknown what stands for the request id while there is none */
  constructor(unknown, local) {
    this.unknown = unknown
    this.local = local
    this.current = undefined
  }

  getContext() {
    return this.local === undefined ? this.current : this.local.getStore()
  }

  hasContext() {
    return this.getContext() !== undefined
  }

  get(key) {
    return this.getContext()?.[key]
  }

  set(key, value) {
    if (PROTECTED.has(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`)
    let context = this.getContext()
    if (context === undefined) {
      if (this.local !== undefined) throw new Error('No context available')
      context = this.current = {}
    }
    context[key] = value
  }

  run(context, work) {
    if (this.local !== undefined) return this.local.run(context, work)
    this.current = context
    return work()
  }

  getRequestId() {
    return this.get(REQUEST_ID) ?? this.unknown
  }

  getXRayTraceId() {
    return this.get(X_RAY_TRACE_ID)
  }

  getTenantId() {
    return this.get(TENANT_ID)
  }
}

const contextOf = ({ requestId, traceId, tenantId }) => ({
  [REQUEST_ID]: requestId,
  [X_RAY_TRACE_ID]: traceId,
  [TENANT_ID]: tenantId,
})

module.exports = { InvokeStore, contextOf }

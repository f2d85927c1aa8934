import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'

/** Where a sink listens that speaks no HTTP. */
export const serverOptions = {
  host: Type.String({ minLength: 1, description: 'name or address of the server' }),
  port: Type.Integer({ minimum: 0, maximum: 65_535, description: 'its port' }),
}

/** APISIX verifies no certificate of these sinks: who reads the entries would be anybody on the way. */
export const tcpVerifyOption = defaulted(
  Type.Boolean({ default: true, description: "verify the server's certificate; not in APISIX" }),
)

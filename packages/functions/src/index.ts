export { ServiceError } from './model/service-error.ts'
export type { Driver, DriverCheck, DriverName } from './drivers/driver.ts'
export type { DeployedFunction, FunctionNetwork } from './model/deployed-function.ts'

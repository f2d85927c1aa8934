import type { Operation } from '../control-api/operation.ts'
import { getAccountSettings } from './account/account-settings.ts'
import {
  getCodeSigningConfig,
  getFunctionRecursionConfig,
  getRuntimeManagementConfig,
  putFunctionRecursionConfig,
  putRuntimeManagementConfig,
} from './account/runtime-settings.ts'
import { createAlias, deleteAlias, getAlias, listAliases, updateAlias } from './aliases/alias-operations.ts'
import type { CatalogContext } from './catalog-context.ts'
import {
  deleteProvisionedConcurrencyConfig,
  getProvisionedConcurrencyConfig,
  putProvisionedConcurrencyConfig,
} from './concurrency/provisioned-operations.ts'
import {
  deleteFunctionConcurrency,
  getFunctionConcurrency,
  putFunctionConcurrency,
} from './concurrency/reserved-operations.ts'
import {
  deleteFunctionEventInvokeConfig,
  getFunctionEventInvokeConfig,
  listFunctionEventInvokeConfigs,
  putFunctionEventInvokeConfig,
  updateFunctionEventInvokeConfig,
} from './event-invoke/event-invoke-operations.ts'
import { createFunction } from './functions/create-function.ts'
import { deleteFunction } from './functions/delete-function.ts'
import {
  getFunction,
  getFunctionCodeSigningConfig,
  getFunctionConfiguration,
  listFunctions,
} from './functions/read-functions.ts'
import { updateFunctionCode, updateFunctionConfiguration } from './functions/update-function.ts'
import {
  deleteLayerVersion,
  getLayerVersion,
  listLayers,
  listLayerVersions,
  publishLayerVersion,
} from './layers/layer-operations.ts'
import {
  addLayerVersionPermission,
  getLayerVersionPolicy,
  removeLayerVersionPermission,
} from './layers/layer-policy-operations.ts'
import {
  createEventSourceMapping,
  deleteEventSourceMapping,
  getEventSourceMapping,
  listEventSourceMappings,
  type MappingReports,
  updateEventSourceMapping,
} from './mappings/mapping-operations.ts'
import { addPermission, getPolicy, removePermission } from './policies/policy-operations.ts'
import { listTags, tagResource, untagResource } from './tags/tag-operations.ts'
import {
  createFunctionUrlConfig,
  deleteFunctionUrlConfig,
  getFunctionUrlConfig,
  listFunctionUrlConfigs,
  updateFunctionUrlConfig,
} from './urls/url-operations.ts'
import { listVersionsByFunction, publishVersion } from './versions/version-operations.ts'

const ALL = [
  createFunction,
  getFunction,
  getFunctionConfiguration,
  listFunctions,
  updateFunctionCode,
  updateFunctionConfiguration,
  deleteFunction,
  publishVersion,
  listVersionsByFunction,
  createAlias,
  getAlias,
  updateAlias,
  deleteAlias,
  listAliases,
  publishLayerVersion,
  getLayerVersion,
  listLayers,
  listLayerVersions,
  deleteLayerVersion,
  addLayerVersionPermission,
  getLayerVersionPolicy,
  removeLayerVersionPermission,
  addPermission,
  getPolicy,
  removePermission,
  putFunctionConcurrency,
  getFunctionConcurrency,
  deleteFunctionConcurrency,
  putProvisionedConcurrencyConfig,
  getProvisionedConcurrencyConfig,
  deleteProvisionedConcurrencyConfig,
  createFunctionUrlConfig,
  getFunctionUrlConfig,
  updateFunctionUrlConfig,
  deleteFunctionUrlConfig,
  listFunctionUrlConfigs,
  putFunctionEventInvokeConfig,
  updateFunctionEventInvokeConfig,
  getFunctionEventInvokeConfig,
  deleteFunctionEventInvokeConfig,
  listFunctionEventInvokeConfigs,
  listTags,
  tagResource,
  untagResource,
  getAccountSettings,
  getFunctionCodeSigningConfig,
  getCodeSigningConfig,
  putRuntimeManagementConfig,
  getRuntimeManagementConfig,
  putFunctionRecursionConfig,
  getFunctionRecursionConfig,
] as const

const MAPPINGS = [
  createEventSourceMapping,
  getEventSourceMapping,
  updateEventSourceMapping,
  deleteEventSourceMapping,
  listEventSourceMappings,
] as const

/** All that the control API offers, except for calling functions. */
export const catalogOperations = (context: CatalogContext, reports: MappingReports): readonly Operation[] => [
  ...ALL.map((make) => make(context)),
  ...MAPPINGS.map((make) => make(context, reports)),
]

export { explainRequest, type ExplainOptions } from './explain-request.ts'
export {
  type ExplainedPlugin,
  type ExplainedUpstream,
  PHASES,
  type PluginOutcome,
  type RequestExplanation,
} from './explanation.ts'
export type { DescribedRequest } from './offline-request.ts'
export { type ConfigurationResult, readConfiguration, type ReadConfiguration } from './read-configuration.ts'

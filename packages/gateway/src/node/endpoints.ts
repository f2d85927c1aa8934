/** Name of the metrics listener among the control thread's endpoints. */
export const METRICS_ENDPOINT = 'metrics'

/** Name of the metrics listener among the control thread's endpoints. */
export const METRICS_ENDPOINT = 'metrics'

/** Name of the Admin API's listener among them. */
export const ADMIN_ENDPOINT = 'admin'

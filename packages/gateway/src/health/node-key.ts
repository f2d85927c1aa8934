/** How threads call a node: host and port, as the configuration was understood, whatever way they were written. */
export const nodeKey = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : port === 0 ? host : `${host}:${port}`

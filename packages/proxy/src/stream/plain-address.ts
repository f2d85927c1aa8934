/** An IPv4 address that came in over an IPv6 socket, without its `::ffff:`. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '')

/** What an expression reads: the variables of a request, by nginx's and APISIX's names (`uri`, `arg_x`, `http_host`, …). */
export interface VariableSource {
  /** The value, or undefined when the request has none. A list is its members joined by commas. */
  variable(name: string): string | number | undefined
}

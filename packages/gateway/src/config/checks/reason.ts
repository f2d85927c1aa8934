/**
 * What an error of the router, of expressions or of addresses says, as message and remedy: their reasons have the form
 * `what is wrong; what would be right`, some after the quoted value, which we show anyway.
 */
export function reasonOf(error: unknown, value?: string): { message: string; remedy: string | undefined } {
  let text = error instanceof Error ? error.message : String(error)
  if (value !== undefined && text.startsWith(`"${value}" `)) text = text.slice(value.length + 3)
  const cut = text.indexOf('; ')
  return cut < 0 ? { message: text, remedy: undefined } : { message: text.slice(0, cut), remedy: text.slice(cut + 2) }
}

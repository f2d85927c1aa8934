/**
 * Types of errors as the platform counts them (AWS's emulator, `fatalerror`): a runtime's own ones are kept if they are of the form
 * `Runtime.Name` or `Function.Name`.
 */
export function errorType(posted: string | undefined): string {
  if (posted === undefined) return 'Runtime.Unknown'
  if (KNOWN_FORM.test(posted)) return posted
  return posted.startsWith('Function.') ? 'Function.Unknown' : 'Runtime.Unknown'
}

const KNOWN_FORM = /(Runtime|Function)\.[A-Z][a-zA-Z]+/

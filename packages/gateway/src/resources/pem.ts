import { type Static, Type } from '../schema/type.ts'

/** Longest PEM text: a chain of some forty certificates. APISIX's limit for a certificate. */
export const MAX_PEM_LENGTH = 65_536

/**
 * A certificate or key: PEM text, `$env://NAME`, or `{ file: PATH }` relative to the configuration file. The loader puts the text in the
 * place of the other two (`config/pem-references.ts`), so what the gateway works with is text always.
 */
export const Pem = (description: string) =>
  Type.Union(
    [
      Type.String({ minLength: 1, maxLength: MAX_PEM_LENGTH }),
      Type.Object(
        { file: Type.String({ minLength: 1, description: 'a file, relative to the configuration file' }) },
        { additionalProperties: false },
      ),
    ],
    { description },
  )
export type Pem = Static<ReturnType<typeof Pem>>

/** The text, once references have been resolved. */
export function pemText(pem: Pem): string {
  if (typeof pem === 'string') return pem
  throw new Error(`the file ${pem.file} was not read`)
}

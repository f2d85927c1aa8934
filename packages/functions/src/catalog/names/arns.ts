/** In which account and region all of it is. */
export interface Scope {
  readonly region: string
  /** 12 digits. */
  readonly account: string
}

export const LATEST = '$LATEST'

export function functionArn({ region, account }: Scope, name: string, qualifier?: string): string {
  const arn = `arn:aws:lambda:${region}:${account}:function:${name}`
  return qualifier === undefined ? arn : `${arn}:${qualifier}`
}

export const layerArn = ({ region, account }: Scope, name: string): string =>
  `arn:aws:lambda:${region}:${account}:layer:${name}`

export const mappingArn = ({ region, account }: Scope, uuid: string): string =>
  `arn:aws:lambda:${region}:${account}:event-source-mapping:${uuid}`

export const isVersion = (qualifier: string): boolean => /^[0-9]+$/.test(qualifier)

/** `$LATEST`, or a number. */
export const isVersionOrLatest = (qualifier: string): boolean => qualifier === LATEST || isVersion(qualifier)

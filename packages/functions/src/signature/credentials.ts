/** What signs a request. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined
}

/** What a signature is good for: one day, one region, one service. */
export interface CredentialScope {
  /** `20261121` */
  readonly date: string
  readonly region: string
  /** `lambda`, `s3`, `execute-api` */
  readonly service: string
}

export const ALGORITHM = 'AWS4-HMAC-SHA256'

export const scopeText = ({ date, region, service }: CredentialScope): string =>
  `${date}/${region}/${service}/aws4_request`

/** `20261121T183000Z` */
export const amzDate = (at: Date): string => at.toISOString().replace(/[-:]|\.\d{3}/g, '')

import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

/** An S3-compatible store, by the variables S3_ENDPOINT, S3_BUCKET and a key. */
export class Store {
  private readonly client: S3Client
  /** Where results go. */
  private readonly bucket: string

  private constructor(client: S3Client, bucket: string) {
    this.client = client
    this.bucket = bucket
  }

  static fromEnvironment(): Store {
    const client = new S3Client({
      endpoint: variable('S3_ENDPOINT'),
      region: process.env['S3_REGION'] ?? 'us-east-1',
      credentials: { accessKeyId: variable('S3_ACCESS_KEY_ID'), secretAccessKey: variable('S3_SECRET_ACCESS_KEY') },
      // Buckets in the path, and no checksums that other stores than Amazon's do not know.
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
    return new Store(client, variable('S3_BUCKET'))
  }

  async get(bucket: string, key: string): Promise<Buffer> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }

  async put(key: string, csv: string): Promise<void> {
    const command = { Bucket: this.bucket, Key: key, Body: csv, ContentType: 'text/csv; charset=utf-8' }
    await this.client.send(new PutObjectCommand(command))
  }
}

function variable(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`the variable ${name} is not set`)
  return value
}

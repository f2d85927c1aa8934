/** A batch of messages, as an event source mapping hands it over. */
interface Batch {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[]
}

/** The messages that are to come again. Takes effect with FunctionResponseTypes: [ReportBatchItemFailures]. */
interface Failures {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

export async function handler({ Records }: Batch): Promise<Failures> {
  const failed: string[] = []
  for (const { messageId, body } of Records) {
    try {
      await take(JSON.parse(body))
    } catch (error) {
      console.error(`message ${messageId}:`, error)
      failed.push(messageId)
    }
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
}

/** What is to be done with one message. */
async function take(message: unknown): Promise<void> {
  console.log('got', message)
}

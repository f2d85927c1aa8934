/**
 * The same text in memory of its own. A part of a request's head keeps the whole head in memory, and so does a text that was joined of such parts: what is
 * remembered of strangers would be thirty kilobytes for a key of ten letters.
 */
export const ownText = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le')

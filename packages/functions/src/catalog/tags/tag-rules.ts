import { invalidParameter } from '../../model/service-error.ts'
import { NETWORK_TAG, NETWORKS, OWN_TAG_PREFIX } from '../records/function-record.ts'
import { map } from '../shapes/composites.ts'
import { text } from '../shapes/scalars.ts'

const MAX_TAGS = 50
const MAX_KEY = 128
const MAX_VALUE = 256

export const tagsShape = map(text())

/** All tags that a resource will have. */
export function checkTags(tags: Readonly<Record<string, string>>): void {
  const entries = Object.entries(tags)
  if (entries.length > MAX_TAGS) throw invalidParameter('Number of tags exceeds function tag limit.')
  for (const [key, value] of entries) {
    if (key === '' || key.length > MAX_KEY || value.length > MAX_VALUE)
      throw invalidParameter(
        `Tag keys have 1 to ${MAX_KEY} characters, tag values at most ${MAX_VALUE}: ${key.slice(0, MAX_KEY)}`,
      )
    if (key.toLowerCase().startsWith('aws:')) throw invalidParameter(`Tag keys must not begin with aws: (${key})`)
    if (key.startsWith(OWN_TAG_PREFIX)) checkOwn(key, value)
  }
}

/** Misspelt settings would change nothing, and nobody would notice. */
function checkOwn(key: string, value: string): void {
  if (key !== NETWORK_TAG)
    throw invalidParameter(
      `The tag ${key} means nothing: Sekisho knows ${NETWORK_TAG}. Other tags must not begin with ${OWN_TAG_PREFIX}`,
    )
  if (!(NETWORKS as readonly string[]).includes(value))
    throw invalidParameter(`The tag ${NETWORK_TAG} is ${NETWORKS.join(', ')}: not ${value}`)
}

import { createHash } from 'node:crypto'

/** `nodejs24.x` -> `nodejs:24`, `python3.12` -> `python:3.12`, `provided.al2023` -> `provided:al2023`: AWS's way of writing it. */
export function runtimeVersion(runtime: string): string {
  const match = /^([a-z]+)\.?(.+?)(\.x)?$/.exec(runtime)
  return match === null ? runtime : `${match[1]}:${match[2]}`
}

/** AWS has one per build of a runtime; ours stays the same for a version, so that tools may compare. */
export const runtimeVersionArn = (version: string): string =>
  `arn:aws:lambda:us-east-1::runtime:${createHash('sha256').update(version).digest('hex')}`

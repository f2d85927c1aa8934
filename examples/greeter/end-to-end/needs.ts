import { existsSync } from 'node:fs'
import { builtInNames } from '../../../packages/gateway/src/plugins/built-in.ts'

export const CHROMIUM = '/usr/bin/chromium'

/** What the example's configuration names; a gateway without it refuses the file. */
export const withoutGrpcWeb: readonly string[] = builtInNames().includes('grpc-web') ? [] : ['the plugin grpc-web']
export const withoutChromium: readonly string[] = existsSync(CHROMIUM) ? [] : ['chromium']

/** For the name of a group of tests: ` (skipped without chromium)`, or nothing. */
export const skipped = (missing: readonly string[]): string =>
  missing.length === 0 ? '' : ` (skipped without ${missing.join(' and ')})`

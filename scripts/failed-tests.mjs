// The files of tests that failed, one in a line: node scripts/failed-tests.mjs REPORT, which vitest wrote with --reporter=json.
// Nothing when there is no report: then it was not a test that failed.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const [, , file = ''] = process.argv
const text = readFileSync(file, 'utf8')
if (text !== '') {
  const failed = JSON.parse(text).testResults.filter(({ status }) => status === 'failed')
  for (const { name } of failed) console.log(relative(process.cwd(), name))
}

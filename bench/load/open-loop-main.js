// The open-loop generator as a program of its own, so that it can be pinned: takes a plan as JSON, prints the result
// as JSON, and ends early when its standard input ends.
import { OpenLoopGenerator } from './open-loop-generator.js'

const generator = new OpenLoopGenerator(JSON.parse(process.argv[2]))
process.stdin.on('end', () => generator.stop()).resume()
const result = await generator.run()
process.stdout.write(JSON.stringify(result), () => process.exit(0))

import type { DescService } from '@bufbuild/protobuf'
import type { Binding } from './binding.ts'
import { type PathMatch, PathTrie } from './path-trie.ts'
import { annotatedRules, automaticRules, type RuleProblem } from './read-rules.ts'

/** All rules of some services, ready to be matched. */
export class RuleTable {
  readonly problems: readonly RuleProblem[]
  private readonly paths = new PathTrie<Binding>()

  /** Methods without annotation get the automatic rule. */
  constructor(services: Iterable<DescService>) {
    const problems: RuleProblem[] = []
    for (const service of services) {
      const { bindings, problems: found } = annotatedRules(service)
      problems.push(...found)
      for (const binding of [...bindings, ...automaticRules(service)]) {
        const { method, httpMethod, template } = binding
        const known = this.paths.insert(template, httpMethod, binding)
        if (known !== undefined) {
          const other = `${known.method.parent.typeName}.${known.method.name}`
          problems.push({ method, message: `${httpMethod} on this path calls ${other} already` })
        }
      }
    }
    this.problems = problems
  }

  match(method: string, path: string): PathMatch<Binding> {
    return this.paths.match(path, method)
  }
}

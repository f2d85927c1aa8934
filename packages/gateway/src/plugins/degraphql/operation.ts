import type { DocumentNode, OperationDefinitionNode } from 'graphql'

/** Loaded with the plugin, as `check` cannot wait; undefined where it is not installed. */
const graphql = await import('graphql').catch(() => undefined)

const operationsOf = (document: DocumentNode): OperationDefinitionNode[] =>
  document.definitions.filter((one) => one.kind === 'OperationDefinition')

/** What is wrong with a document, or with the name of an operation in it. */
export function queryProblem(query: string, name: string | undefined): { path: string; message: string } | undefined {
  if (graphql === undefined)
    return { path: '/query', message: 'needs a library that is not installed: npm install graphql' }
  let operations: OperationDefinitionNode[]
  try {
    operations = operationsOf(graphql.parse(query))
  } catch (error) {
    if (!(error instanceof graphql.GraphQLError)) throw error
    const { line, column } = error.locations?.[0] ?? { line: 1, column: 1 }
    return { path: '/query', message: `is not GraphQL: line ${line}, column ${column}: ${error.message}` }
  }
  const names = operations.map((one) => one.name?.value)
  if (names.length === 0)
    return { path: '/query', message: 'has no operation; write "query { … }" or "mutation { … }"' }
  if (operations.some(({ operation }) => operation === 'subscription'))
    return { path: '/query', message: 'has a subscription, which is not answered at once; use a query or a mutation' }
  if (name !== undefined && !names.includes(name))
    return { path: '/operation_name', message: `"${name}" is no operation of the query${named(names)}` }
  if (name === undefined && names.length > 1)
    return { path: '/operation_name', message: `is needed, as the query has several operations${named(names)}` }
  return undefined
}

const named = (names: readonly (string | undefined)[]): string => {
  const known = names.filter((name) => name !== undefined)
  return known.length === 0 ? '' : `: ${known.join(', ')}`
}

/** What the operation is that runs, of a document that was found good. */
export function operationOf(query: string, name: string | undefined): 'query' | 'mutation' {
  const operations = graphql === undefined ? [] : operationsOf(graphql.parse(query))
  const found = operations.find((one) => name === undefined || one.name?.value === name)
  return found?.operation === 'mutation' ? 'mutation' : 'query'
}

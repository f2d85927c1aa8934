import { createPrivateKey } from 'node:crypto'
import { managerOf, managerSchemas } from '../../resources/secret.ts'
import { pemText, type Pem } from '../../resources/pem.ts'
import { explainSchema } from '../explain/explain.ts'
import type { Findings } from '../problem.ts'
import { checkAuthorities } from './certificates.ts'
import type { Entry } from './entry.ts'

/** What its manager asks of a secret. */
export function checkSecret(findings: Findings, { id, item, path }: Entry): void {
  const wrong = explainSchema(managerSchemas[managerOf(id)!], item, path)
  for (const finding of wrong) findings.add(finding)
  if (wrong.length > 0) return
  const { ca, auth_config: account } = item as { ca?: Pem; auth_config?: { private_key: string } }
  if (ca !== undefined) checkAuthorities(findings, pemText(ca), `${path}/ca`)
  if (account !== undefined && !isPrivateKey(account.private_key)) {
    const message = 'is no private key in PEM'
    findings.add({ path: `${path}/auth_config/private_key`, message, remedy: 'copy it from the key file as it stands' })
  }
}

function isPrivateKey(pem: string): boolean {
  try {
    createPrivateKey(pem)
    return true
  } catch {
    return false
  }
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EC_CERTIFICATE, EC_KEY } from '../../../../../wire/src/testing/certificates.ts'
import { freePort } from '../../../testing/free-port.ts'

const PROGRAM = '/usr/sbin/slapd'
export const hasSlapd = existsSync(PROGRAM) && existsSync('/etc/ldap/schema/core.schema')

const BASE = 'dc=example,dc=org'

/** An OpenLDAP with people of its own, by plain text and by TLS with a certificate that nobody trusts. */
export class Slapd {
  readonly port: number
  readonly tlsPort: number
  private readonly folder: string
  private readonly child: ChildProcess

  private constructor(folder: string, port: number, tlsPort: number, child: ChildProcess) {
    this.folder = folder
    this.port = port
    this.tlsPort = tlsPort
    this.child = child
  }

  /** @param people common names, unescaped, and their passwords */
  static async start(people: Readonly<Record<string, string>>): Promise<Slapd> {
    const folder = await mkdtemp(join(tmpdir(), 'sekisho-slapd-'))
    await mkdir(join(folder, 'data'))
    await writeFile(join(folder, 'cert.pem'), EC_CERTIFICATE)
    await writeFile(join(folder, 'key.pem'), EC_KEY)
    await writeFile(join(folder, 'slapd.conf'), configuration(folder))
    await writeFile(join(folder, 'people.ldif'), entries(people))
    const load = ['-Tadd', '-f', join(folder, 'slapd.conf'), '-l', join(folder, 'people.ldif')]
    const { status, stderr } = spawnSync(PROGRAM, load, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`slapadd: ${stderr}`)
    const [port, tlsPort] = [await freePort(), await freePort()]
    const urls = `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${tlsPort}`
    // With -d it stays in the foreground.
    const child = spawn(PROGRAM, ['-f', join(folder, 'slapd.conf'), '-h', urls, '-d', '0'], { stdio: 'ignore' })
    const slapd = new Slapd(folder, port, tlsPort, child)
    while (!(await isOpen(port)) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}`)
    return slapd
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const exited = once(this.child, 'exit')
      this.child.kill('SIGKILL')
      await exited
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

const configuration = (folder: string): string => `include /etc/ldap/schema/core.schema
pidfile ${folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb.so
TLSCertificateFile ${folder}/cert.pem
TLSCertificateKeyFile ${folder}/key.pem
database mdb
suffix "${BASE}"
rootdn "cn=root,${BASE}"
directory ${folder}/data
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`

const entries = (people: Readonly<Record<string, string>>): string => {
  const base = `dn: ${BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n`
  const unit = `dn: ou=people,${BASE}\nobjectClass: organizationalUnit\nou: people\n`
  const persons = Object.entries(people).map(([name, password]) => {
    const encoded = Buffer.from(name).toString('base64')
    // Every character of the name in hexadecimal: the test does not use what it tests.
    const escaped = [...Buffer.from(name)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
    const secret = Buffer.from(password).toString('base64')
    return `dn: cn=${escaped},ou=people,${BASE}\nobjectClass: person\ncn:: ${encoded}\nsn: x\nuserPassword:: ${secret}\n`
  })
  return [base, unit, ...persons].join('\n')
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined))
    socket.on('error', () => resolve(false))
  })

import { type Call, type MethodName, STATUS_NAMES } from './call.ts'
import { callByConnect } from './call-connect.ts'
import { callByGrpcWeb } from './call-grpc-web.ts'
import { helloRequest } from './greeter.ts'

const LIBRARIES: Readonly<Record<string, Call>> = {
  'grpc-web-text': callByGrpcWeb('text'),
  'grpc-web-binary': callByGrpcWeb('binary'),
  'connect-binary': callByConnect,
}

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T
const field = (id: string): HTMLInputElement => element(id)
const replies = element<HTMLOListElement>('replies')
const status = element<HTMLOutputElement>('status')
const cancel = element<HTMLButtonElement>('cancel')

// ?gateway=http://localhost:9000 for one that is elsewhere.
const asked = new URLSearchParams(location.search).get('gateway')
if (asked !== null) field('gateway').value = asked

let running = (): void => undefined
cancel.addEventListener('click', () => running())

document.querySelector('form')?.addEventListener('submit', (event) => {
  event.preventDefault()
  running()
  start((event.submitter as HTMLButtonElement).value as MethodName)
})

function start(method: MethodName): void {
  replies.replaceChildren()
  show('…', 'running')
  cancel.disabled = false
  const request = helloRequest(
    field('name').value,
    field('delay').valueAsNumber || 0,
    field('count').valueAsNumber || 0,
  )
  let current = true
  const stop = LIBRARIES[field('library').value](new URL(field('gateway').value).origin, method, request, {
    reply(message) {
      if (!current) return
      const item = document.createElement('li')
      item.textContent = message
      replies.append(item)
    },
    ended({ code, message }) {
      if (!current) return
      current = false
      cancel.disabled = true
      show(
        `${STATUS_NAMES[code] ?? 'status'} (${code})${message === '' ? '' : `: ${message}`}`,
        code === 0 ? 'ended' : 'ended failed',
      )
    },
  })
  running = () => {
    if (!current) return
    stop()
    current = false
    cancel.disabled = true
    show(`${STATUS_NAMES[1]} (1): by you`, 'ended failed')
  }
}

function show(text: string, state: 'running' | 'ended' | 'ended failed'): void {
  status.textContent = text
  status.className = state
}

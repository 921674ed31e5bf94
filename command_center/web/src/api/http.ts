/** fetch with JSON, the chosen language, and RFC 9457 problems as exceptions. */

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  [member: string]: unknown
}

export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title)
  }
  get status(): number {
    return this.problem.status
  }
}

/** The server could not be reached at all. */
export class Unreachable extends Error {}

let language = 'zh-CN'
let onLoggedOut: () => void = () => undefined

export function speak(tag: string): void {
  language = tag
}

/** What to do when the session has ended. */
export function whenLoggedOut(act: () => void): void {
  onLoggedOut = act
}

/** A list stands for the same name several times. */
export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>

interface Options {
  query?: Query
  body?: unknown
  /** The mark of what was read, so that nobody's change is overwritten unseen. */
  ifMatch?: string
  quiet?: boolean
  /** To give up waiting. */
  signal?: AbortSignal
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  return answer<T>(await send(method, path, options.query, initOf(options)), options.quiet ?? false)
}

/** A file that the server makes, handed to the browser to keep under the name the server gave it. */
export async function fetchFile(method: string, path: string, options: Options = {}): Promise<void> {
  const response = await send(method, path, options.query, initOf(options))
  if (!response.ok) return answer<void>(response, false)
  const disposition = response.headers.get('content-disposition') ?? ''
  const [, coded, plain] = /filename\*=UTF-8''([^;]+)|filename="([^"]+)"/.exec(disposition) ?? []
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await response.blob())
  link.download = coded ? decodeURIComponent(coded) : (plain ?? 'download')
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

function initOf({ body, ifMatch, signal }: Options): RequestInit {
  const init: RequestInit = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
  if (ifMatch) init.headers = { ...init.headers, 'If-Match': ifMatch }
  return signal ? { ...init, signal } : init
}

/** Hand in a file; `progress` hears 0 to 1 while it is sent. */
export function upload<T>(path: string, file: File, progress: (share: number) => void, fields: Record<string, string> = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest()
    sending.open('POST', `/api/v1${path}`)
    sending.setRequestHeader('Accept', 'application/json')
    sending.setRequestHeader('Accept-Language', language)
    sending.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0)
    sending.onerror = () => reject(new Unreachable('upload'))
    sending.onload = () => {
      const headers = { 'content-type': sending.getResponseHeader('content-type') ?? '' }
      const response = new Response(sending.status === 204 ? null : sending.responseText, { status: sending.status, statusText: sending.statusText, headers })
      answer<T>(response, false).then(resolve, reject)
    }
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value)
    form.append('file', file)
    sending.send(form)
  })
}

async function send(method: string, path: string, asked: Query | undefined, init: RequestInit): Promise<Response> {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(asked ?? {})) {
    if (Array.isArray(value)) for (const one of value as readonly string[]) query.append(key, one)
    else if (value != null && value !== '') query.set(key, String(value))
  }
  try {
    return await fetch(`/api/v1${path}${query.size ? `?${query}` : ''}`, {
      method,
      credentials: 'same-origin',
      ...init,
      headers: { Accept: 'application/json', 'Accept-Language': language, ...init.headers },
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Unreachable(String(error))
  }
}

async function answer<T>(response: Response, quiet: boolean): Promise<T> {
  if (response.status === 204) return undefined as T
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  const body: unknown = isJson ? await response.json() : null
  if (response.ok) return body as T
  if (response.status === 401 && !quiet) onLoggedOut()
  throw new ProblemError({ type: 'about:blank', title: response.statusText, status: response.status, detail: '', ...(body as object | null) })
}

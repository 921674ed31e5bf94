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

export type Query = Record<string, string | number | boolean | null | undefined>

export async function request<T>(method: string, path: string, options: { query?: Query; body?: unknown; quiet?: boolean } = {}): Promise<T> {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(options.query ?? {})) if (value != null && value !== '') query.set(key, String(value))
  const url = `/api/v1${path}${query.size ? `?${query}` : ''}`
  let response: Response
  try {
    response = await fetch(url, {
      method,
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json',
        'Accept-Language': language,
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    })
  } catch (error) {
    throw new Unreachable(String(error))
  }
  if (response.status === 204) return undefined as T
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  const body: unknown = isJson ? await response.json() : null
  if (response.ok) return body as T
  if (response.status === 401 && !options.quiet) onLoggedOut()
  throw new ProblemError({ type: 'about:blank', title: response.statusText, status: response.status, detail: '', ...(body as object | null) })
}

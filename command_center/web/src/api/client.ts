import { request, type Query } from './http'
import type { Alert, Area, CatalogueLayer, DemoLogin, Overview, Place, Row, Session, Track, Unit, UnitDetail } from './types'

export const api = {
  session: () => request<Session>('GET', '/session', { quiet: true }),
  login: (login: string, password: string) => request<Session>('POST', '/session', { body: { login, password }, quiet: true }),
  logout: () => request<void>('DELETE', '/session', { quiet: true }),
  demoLogins: () => request<DemoLogin[]>('GET', '/demo-logins', { quiet: true }),

  units: () => request<{ units: Unit[] }>('GET', '/units').then((answer) => answer.units),
  unit: (id: number) => request<UnitDetail>('GET', `/units/${id}`),
  /** `reason` is written to the audit trail. */
  track: (id: number, query: { from?: string; to?: string; reason: string }) => request<Track>('GET', `/units/${id}/track`, { query }),

  alerts: (query: { state: 'open' | 'closed' | 'all'; limit?: number; cursor?: string | null }) =>
    request<{ alerts: Alert[]; next: string | null }>('GET', '/alerts', { query }),
  acknowledge: (id: number, note?: string) => request<Alert>('POST', `/alerts/${id}/acknowledge`, { body: note ? { note } : {} }),
  close: (id: number, note: string) => request<Alert>('POST', `/alerts/${id}/close`, { body: { note } }),

  overview: () => request<Overview>('GET', '/overview'),
  layers: () => request<CatalogueLayer[] | { layers: CatalogueLayer[] }>('GET', '/layers').then((answer) => (Array.isArray(answer) ? answer : answer.layers)),
  areas: () => request<Area[] | { areas: Area[] }>('GET', '/areas').then((answer) => (Array.isArray(answer) ? answer : answer.areas)),
  search: (q: string, limit = 12) => request<Place[] | { results: Place[] }>('GET', '/search', { query: { q, limit } }).then((answer) => (Array.isArray(answer) ? answer : answer.results)),

  /** Rows of an administration list, whatever the answer's envelope. */
  rows: async (path: string, query: Query = {}): Promise<{ rows: Row[]; next: string | null }> => {
    const answer = await request<Row[] | Record<string, unknown>>('GET', path, { query })
    if (Array.isArray(answer)) return { rows: answer, next: null }
    const rows = Object.values(answer).find((value) => Array.isArray(value)) as Row[] | undefined
    return { rows: rows ?? [], next: (answer.next as string | null) ?? null }
  },
  system: () => request<Row>('GET', '/system'),
  send: <T = Row>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) => request<T>(method, path, { body }),
}

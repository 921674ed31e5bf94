import { request, type Query } from './http'
import type { Area, AuditEntry, CatalogueLayer, DeadLetter, DemoLogin, Device, OrgUnit, Overview, Person, Place, Role, Session, Track, Unit, UnitDetail } from './types'

export const api = {
  session: () => request<Session>('GET', '/session', { quiet: true }),
  login: (login: string, password: string) => request<Session>('POST', '/session', { body: { login, password }, quiet: true }),
  logout: () => request<void>('DELETE', '/session', { quiet: true }),
  demoLogins: () => request<DemoLogin[]>('GET', '/demo-logins', { quiet: true }),

  units: () => request<{ units: Unit[] }>('GET', '/units').then((answer) => answer.units),
  unit: (id: number) => request<UnitDetail>('GET', `/units/${id}`),
  /** `reason` is written to the audit trail. */
  track: (id: number, query: { from?: string; to?: string; reason: string }) => request<Track>('GET', `/units/${id}/track`, { query }),

  overview: () => request<Overview>('GET', '/overview'),
  layers: () => request<CatalogueLayer[]>('GET', '/layers'),
  areas: () => request<Area[]>('GET', '/areas'),
  search: (q: string, limit = 12) => request<Place[]>('GET', '/search', { query: { q, limit } }),

  persons: (query: Query) => request<{ persons: Person[]; next: string | null }>('GET', '/persons', { query }).then(({ persons, next }) => ({ rows: persons, next })),
  devices: (query: Query) => request<{ devices: Device[]; next: string | null }>('GET', '/devices', { query }).then(({ devices, next }) => ({ rows: devices, next })),
  audit: (query: Query) => request<{ entries: AuditEntry[]; next: string | null }>('GET', '/audit', { query }).then(({ entries, next }) => ({ rows: entries, next })),
  deadLetters: (query: Query) => request<{ dead_letters: DeadLetter[]; reasons: Record<string, number>; next: string | null }>('GET', '/dead-letters', { query }).then(({ dead_letters, next }) => ({ rows: dead_letters, next })),
  roles: () => request<Role[]>('GET', '/roles'),
  orgUnits: () => request<OrgUnit[]>('GET', '/org-units'),
  system: () => request<Record<string, unknown>>('GET', '/system'),
  send: <T = unknown>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) => request<T>(method, path, { body }),
}

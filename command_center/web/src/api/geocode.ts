/** Addresses to places and back, tables of addresses, the gazetteer's upkeep. */
import { request, upload, type Query } from './http'

export type Status = 'accepted' | 'doubtful' | 'ambiguous' | 'not_found'
export const STATUSES: readonly Status[] = ['accepted', 'doubtful', 'ambiguous', 'not_found']

export interface Candidate {
  lon: number
  lat: number
  level: string
  /** The error to expect, metres. */
  error_m: number
  /** Probability that the true place is within 300 m. */
  confidence: number
  matched: string
  reason: string
  reason_text: string
  why: string
  why_text: string
  /** The point is a fall-back that many addresses have. */
  shared: boolean
  district: string
  grid_code: string
  street: string
  community: string
  responsibility_grid: string
  timing_area: string
}

export interface Answer {
  text: string
  status: Status
  combination: { number: number; name: string; model: string } | null
  reading: { canonical: string; standard: string; elsewhere: string; elements: { kind: string; text: string; how: string }[] }
  candidates: Candidate[]
  /** The area of the caller's number, where that was the only hint. */
  caller_area?: string
  /** What an outside service says, where our gazetteer has nothing. */
  outside?: { provider: string; lon: number; lat: number; matched: string; level: string; score: number | null }[]
}

export interface Suggestion {
  text: string
  kind: 'name' | 'door' | 'area'
  lon: number
  lat: number
  district: string
}

interface Near {
  name: string
  lon: number
  lat: number
  distance_m: number
  direction: string
  direction_en: string
}

export interface Described {
  address: string
  door: Near | null
  road: Near | null
  crossing: Near | null
  landmark: Near | null
  street?: string
  community?: string
  grid_code?: string
  responsibility_grid?: string
  timing_area?: string
  component: { code: string; name: string; distance_m: number } | null
}

export interface AddressTable {
  id: number
  file_name: string
  file_bytes: number
  header: string[]
  samples: string[][]
  total: number
  done: number
  state: 'uploaded' | 'queued' | 'running' | 'done' | 'refused'
  address_column: string | null
  district_column: string | null
  refusal: { zh: string; en: string } | null
  person: string
  person_en: string | null
  created_at: string
}

export interface TableDetail extends AddressTable {
  counts: { status: Status; rows: number; decided: number }[]
  proposed: { address?: string; district?: string }
}

export interface Found {
  lon: number
  lat: number
  level: string
  confidence: number
  matched: string
}

export interface TableRow {
  row_number: number
  address: string
  district: string
  status: Status
  level: string
  matched: string
  confidence: number | null
  error_m: number | null
  lon: number | null
  lat: number | null
  candidates: Found[]
  decision: 'candidate' | 'point' | 'nowhere' | null
  decided_lon: number | null
  decided_lat: number | null
  decided_matched: string | null
}

export interface Decision {
  decision: 'candidate' | 'point' | 'nowhere'
  candidate?: number
  lon?: number
  lat?: number
}

export interface Decided {
  learnt: boolean
  /** The name that was learnt, and what it stands for. */
  alias: [string, string] | null
  row: TableRow
}

export interface Alias {
  id: number
  name: string
  base: string
  status: 'alias' | 'former' | 'correction'
  created_at: string
}

export interface Source {
  id: number
  key: string
  priority: number
  quality: number
  datum: string
  dated: string | null
  imported_at: string
  entries: number
}

export interface Prefix {
  prefix: string
  area_code: string
  area: string | null
}

export interface QualityReport {
  sources: Source[]
  conflicts: { base: string; number: number; unit: string; district: string; source: string; other_source: string; lon: number; lat: number; other_lon: number; other_lat: number; apart_m: number }[]
  duplicates: { base: string; number: number; unit: string; district: string; source: string; times: number; example: string; lon: number; lat: number; spread_m: number }[]
  shared_points: { lon: number; lat: number; addresses: number; example: string }[]
  outside: { display: string; district: string; lon: number; lat: number; source: string; outside_m: number }[]
  calibration: Record<string, number>
}

const tables = '/geocode/tables'
export const geocode = {
  find: (q: string, hint: Query) => request<Answer>('GET', '/geocode', { query: { q, limit: 9, ...hint } }),
  suggest: (q: string, hint: Query) => request<Suggestion[]>('GET', '/suggest', { query: { q, ...hint } }),
  describe: (lon: number, lat: number) => request<Described>('GET', '/reverse', { query: { lon, lat } }),
  chosen: (base: string) => request<void>('POST', '/geocode/choices', { body: { base }, quiet: true }),
  correct: (body: { text: string; lon: number; lat: number; district?: string }) => request<{ base: string }>('POST', '/geocode/corrections', { body }),

  tables: () => request<{ tables: AddressTable[] }>('GET', tables, { query: { limit: 20 } }).then(({ tables: found }) => found),
  table: (id: number) => request<TableDetail>('GET', `${tables}/${id}`),
  handIn: (file: File, progress: (share: number) => void) => upload<TableDetail>(tables, file, progress),
  run: (id: number, body: { address_column: string; district_column?: string }) => request<TableDetail>('POST', `${tables}/${id}/run`, { body }),
  rows: (id: number, query: Query) => request<{ rows: TableRow[]; next: string | null }>('GET', `${tables}/${id}/rows`, { query }),
  points: (id: number) => request<GeoJSON.FeatureCollection>('GET', `${tables}/${id}/points`),
  decide: (id: number, row: number, body: Decision) => request<Decided>('POST', `${tables}/${id}/rows/${row}/decision`, { body }),
  takeBack: (id: number, row: number) => request<TableRow>('DELETE', `${tables}/${id}/rows/${row}/decision`),
  clear: (id: number) => request<void>('DELETE', `${tables}/${id}`),
  resultAddress: (id: number, suffix: 'csv' | 'xlsx') => `/api/v1${tables}/${id}/result.${suffix}`,

  aliases: (q: string) => request<Alias[]>('GET', '/geocode/aliases', { query: { q } }),
  addAlias: (body: { name: string; base: string; status: Alias['status'] }) => request<Alias>('POST', '/geocode/aliases', { body }),
  dropAlias: (id: number) => request<void>('DELETE', `/geocode/aliases/${id}`),
  quality: () => request<QualityReport>('GET', '/geocode/quality'),
  changeSource: (id: number, body: { priority: number; quality: number }) => request<void>('PATCH', `/geocode/sources/${id}`, { body }),
  dropSource: (id: number) => request<void>('DELETE', `/geocode/sources/${id}`),
  prefixes: () => request<Prefix[]>('GET', '/geocode/callers'),
  setPrefix: (prefix: string, area: string) => request<Prefix>('PUT', `/geocode/callers/${encodeURIComponent(prefix)}`, { body: { area } }),
  dropPrefix: (prefix: string) => request<void>('DELETE', `/geocode/callers/${encodeURIComponent(prefix)}`),
  takeCityLayers: () => request<void>('POST', '/geocode/city-layers'),
}

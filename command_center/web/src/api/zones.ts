/** Zones: timing areas, no-report zones and fences, with their times and approval papers. */
import type { FeatureRecord } from './features'
import { request, upload, type Query } from './http'

export type ZoneKind = 'timing_area' | 'no_report' | 'fence'
export const ZONE_KINDS: readonly ZoneKind[] = ['timing_area', 'no_report', 'fence']

/** Days are ISO weekdays, Monday 1; a window that ends at or before its start ends on the next day. */
export interface Window {
  days: number[]
  from: string
  to: string
}
export interface Span {
  from?: string | undefined
  to?: string | undefined
}
export interface Rule {
  timing?: 'core' | 'general' | 'outer'
  windows?: Window[]
  dates?: Span[]
  except?: string[]
  keep?: 'inside' | 'outside'
  max_kmh?: number
  kinds?: string[]
  classes?: string[]
}

export interface ZoneRow {
  id: number
  code: string
  kind: ZoneKind
  name: string
  name_en: string | null
  area_code: string
  rule: Rule
  valid_from: string
  valid_to: string | null
  /** Within its dates at the time asked for. */
  valid: boolean
  /** And its rule holds at that time. */
  active: boolean
  papers: number
  area_m2: number
  geometry: GeoJSON.MultiPolygon
}

export interface Paper {
  id: number
  title: string
  document_number: string | null
  issued_by: string | null
  issued_on: string | null
  file_name: string
  size_bytes: number
}

/** A paper that came or went. */
export interface PaperEvent {
  edit_id: number
  at: string
  actor: string
  reason: string | null
  operation: 'insert' | 'delete'
  title: string
  document_number: string | null
  undoes_id: number | null
  undone_by: number | null
}

export interface ZoneDetail {
  edit_id: number | null
  active: boolean
  zone: FeatureRecord
  papers: Paper[]
}

export interface ZoneBody {
  name?: string
  name_en?: string | null
  rule?: Rule
  valid_from?: string
  valid_to?: string | null
  geometry?: GeoJSON.Geometry
  reason: string
}

const at = (id: number) => `/zones/${id}`
export const zones = {
  list: (query: Query) => request<{ time: string; zones: ZoneRow[]; next: string | null }>('GET', '/zones', { query }),
  one: (id: number) => request<ZoneDetail>('GET', at(id)),
  add: (body: ZoneBody & { code: string; kind: ZoneKind }) => request<ZoneDetail>('POST', '/zones', { body }),
  change: (record: FeatureRecord, body: ZoneBody) => request<ZoneDetail>('PATCH', at(record.id), { body, ifMatch: `"${record.mark}"` }),
  close: (id: number, reason: string) => request<ZoneDetail>('POST', `${at(id)}/close`, { body: { reason } }),
  addPaper: (id: number, file: File, fields: Record<string, string>) => upload<Paper[]>(`${at(id)}/papers`, file, () => undefined, fields),
  dropPaper: (id: number, paper: number, reason: string) => request<void>('DELETE', `${at(id)}/papers/${paper}`, { query: { reason } }),
  paperHistory: (id: number) => request<PaperEvent[]>('GET', `${at(id)}/papers/history`),
  paperUrl: (id: number, paper: number) => `/api/v1${at(id)}/papers/${paper}`,
  exportUrl: (format: 'csv' | 'geojson' | 'gpkg', query: Query) => {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
    return `/api/v1/zones/export?${new URLSearchParams([['format', format], ...given.map(([key, value]) => [key, String(value)])])}`
  },
}

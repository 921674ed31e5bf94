/** Looking for units: who was in a place, who is near one, how a unit's day went, and ringing one. */
import type { UnitKind } from '@/core/frame'

import { fetchFile, request, type Query } from './http'

export interface PresenceSearch {
  polygon: GeoJSON.Polygon | GeoJSON.MultiPolygon
  from: string
  to: string
  /** Written to the audit trail. */
  reason: string
}

export interface Visit {
  unit_id: number
  kind: UnitKind
  name: string
  name_en: string | null
  first_seen: string
  last_seen: string
  fixes: number
  first_at: [number, number] | null
  last_at: [number, number] | null
}

export interface Presence {
  units: Visit[]
  truncated: boolean
  /** Days (UTC) that lie in the archive and were not looked at. */
  archived_days: string[]
}

export interface Pace {
  kind: UnitKind
  units: number
  speed_mps: number
}

export interface NearUnit {
  unit_id: number
  kind: UnitKind
  name: string
  name_en: string | null
  lon: number
  lat: number
  fix_time: string
  distance_m: number
  busy: boolean
  road_m: number | null
  road_s: number | null
  way: [number, number][] | null
}

export interface NearQuery extends Query {
  lon: number
  lat: number
  n: number
  kind: UnitKind | null
  state: 'idle' | 'busy' | 'any'
  by_road: boolean
}

interface Span {
  start: string
  end: string
}

export interface PatrolPoint {
  id: number
  name: string
  name_en: string | null
  lon: number
  lat: number
  reached_at: string | null
}

export interface Turn {
  starts_at: string
  ends_at: string
  grid: string | null
  grid_en: string | null
  route: string | null
  route_en: string | null
  inside_s: number
  outside_s: number
  silent_s: number
  patrol_points: PatrolPoint[]
}

export interface UnitDay {
  date: string
  fixes: number
  kept: number
  mileage_m: number
  mileage_error_m: number
  stops: (Span & { lon: number; lat: number; duration_s: number })[]
  trips: (Span & { distance_m: number; error_m: number })[]
  silences: (Span & { distance_m: number; parked: boolean })[]
  turns: Turn[]
  /** How many fixes were flagged or left out, by reason. */
  reasons: Record<string, number>
}

export const TRACK_FORMS = ['gpx', 'geojson', 'csv', 'parquet'] as const
export type TrackForm = (typeof TRACK_FORMS)[number]

export const unitSearch = {
  presence: (search: PresenceSearch, signal?: AbortSignal) => request<Presence>('POST', '/tracks/within', { body: search, ...(signal ? { signal } : {}) }),
  presenceFile: (search: PresenceSearch) => fetchFile('POST', '/tracks/within/export', { body: search }),
  nearest: (query: NearQuery) => request<{ units: NearUnit[]; paces: Pace[] }>('GET', '/units/nearest', { query }),
  day: (id: number, date: string, reason: string) => request<UnitDay>('GET', `/units/${id}/day`, { query: { date, reason } }),
  trackFile: (id: number, form: TrackForm, query: { from: string; to: string; reason: string }) => fetchFile('GET', `/units/${id}/track.${form}`, { query }),
  call: (id: number) => request<{ mobile: string | null }>('POST', `/units/${id}/calls`),
}

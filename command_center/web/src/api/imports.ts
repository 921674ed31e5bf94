/** The import wizard's interface. */
import { request, upload, type Query } from './http'

export type Datum = 'wgs84' | 'gcj02' | 'bd09'

/** One reading of the file's numbers, and what speaks for it. */
export interface Hypothesis {
  crs: string
  datum: Datum
  in_china: number
  roads: number
  road_median_m: number | null
  named_areas: number
  named_area_share: number | null
  polygons: number
  iou: number | null
  known_area_share: number | null
}

export interface Evidence {
  hypotheses: Hypothesis[]
  proposal: { crs: string; srid: number | null; datum: Datum }
  /** 0 to 1. */
  confidence: number
  why: { zh: string; en: string }[]
  nmea_share: number | null
  decimals: number | null
}

export interface Refusal {
  slug: string
  zh: string
  en: string
}

export interface LayerLook {
  name: string
  geometry_type: string | null
  size: number | null
  encoding: string | null
  encoding_by: string | null
  target: string | null
  datum: Datum | null
  refusal: Refusal | null
  fields: { name: string; samples: string[] }[]
  /** By target: the field that would fill each column. */
  mappings?: Record<string, Record<string, string | null>>
  key?: string | null
  evidence: Evidence | null
  crs: string | null
  srid: number | null
  coordinate_columns?: string[] | null
}

export interface Inspection {
  source?: string
  remembered?: Record<string, unknown>
  format?: string
  layers?: LayerLook[]
}

export interface ImportOptions {
  target?: string
  layer?: string
  source?: string
  within?: string
  srid?: number
  datum?: Datum
  accept_datum?: boolean
  encoding?: string
  lon_column?: string
  lat_column?: string
  key?: string
  level?: string
  remove_missing?: boolean
  provisional_codes?: boolean
  map?: Record<string, string>
  set?: Record<string, string>
  class?: Record<string, string>
}

export interface TargetCounts {
  read: number
  inserted: number
  updated: number
  unchanged: number
  repaired: number
  refused: number
  outside: number
  missing: number
  removed: number
}

export interface Difference {
  target: string
  key: string
  kind: string
  columns: Record<string, [unknown, unknown]>
}

export interface ImportReport {
  layer: string | null
  crs: string | null
  datum: string | null
  encoding: string | null
  seconds: number
  counts: Record<string, TargetCounts>
  reasons: { severity: Severity; code: string; count: number; zh: string; en: string }[]
  differences: Difference[] | null
  evidence: Evidence | null
}

export type Severity = 'note' | 'repaired' | 'refused'

export interface ImportIssue {
  feature: string
  severity: Severity
  code: string
  message_zh: string
  message_en: string
}

export type ImportState = 'uploaded' | 'queued' | 'running' | 'tried' | 'done' | 'refused'

export interface ImportTask {
  id: number
  file_name: string
  file_bytes: number
  state: ImportState
  dry_run: boolean
  options: ImportOptions
  read: number
  total: number | null
  report: ImportReport | null
  refusal: Refusal | null
  person: string
  person_en: string | null
  created_at: string
}

export interface IssuePage {
  issues: ImportIssue[]
  next: string | null
}

export interface ImportDetail extends ImportTask {
  inspection: Inspection
  issues: IssuePage
}

/** The same features in one reading, lon/lat. */
export interface Reading {
  crs: string
  srid: number | null
  datum: Datum
  bbox: [number, number, number, number] | null
  features: GeoJSON.FeatureCollection
  to_roads: GeoJSON.FeatureCollection
}

export interface ImportPreview {
  sampled: number
  size: number | null
  shown: number
  readings: Reading[]
  named: GeoJSON.FeatureCollection
}

export interface ImportTarget {
  key: string
  geometry: string
  columns: string[]
  needs: string[]
}

export const imports = {
  targets: () => request<ImportTarget[]>('GET', '/imports/targets'),
  list: () => request<{ imports: ImportTask[]; next: string | null }>('GET', '/imports', { query: { limit: 20 } }).then(({ imports: found }) => found),
  one: (id: number) => request<ImportDetail>('GET', `/imports/${id}`),
  handIn: (file: File, progress: (share: number) => void) => upload<ImportDetail>('/imports', file, progress),
  lookAgain: (id: number, body: ImportOptions) => request<ImportDetail>('POST', `/imports/${id}/inspection`, { body }),
  dryRun: (id: number, body: ImportOptions) => request<ImportTask>('POST', `/imports/${id}/dry-run`, { body }),
  run: (id: number, body: ImportOptions) => request<ImportTask>('POST', `/imports/${id}/run`, { body }),
  preview: (id: number, body: ImportOptions) => request<ImportPreview>('POST', `/imports/${id}/preview`, { body }),
  cancel: (id: number) => request<ImportTask>('POST', `/imports/${id}/cancel`),
  issues: (id: number, query: Query) => request<IssuePage>('GET', `/imports/${id}/issues`, { query }),
  clear: (id: number) => request<void>('DELETE', `/imports/${id}`),
  reportAddress: (id: number, suffix: 'csv' | 'json' | 'geojson') => `/api/v1/imports/${id}/report.${suffix}`,
}

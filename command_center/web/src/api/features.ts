/** Rows of the city's layers: browsing, changing, history. */
import { request, type Query } from './http'
import type { Bbox } from './types'

export type Properties = Record<string, unknown>
export type Feature = GeoJSON.Feature<GeoJSON.Geometry | null, Properties> & { id: number }

export interface FeaturePage {
  features: Feature[]
  next: string | null
  matched: number | null
}

/** A row with all its columns; `mark` changes with every change of it. */
export interface FeatureRecord {
  id: number
  properties: Properties
  geometry: GeoJSON.Geometry | null
  area_code: string | null
  mark: string
}

export interface FeatureEdit {
  edit_id: number | null
  feature: FeatureRecord | null
}

export interface FeatureChange {
  edit_id: number
  at: string
  actor: string
  origin: 'page' | 'import' | 'undo' | 'system'
  reason: string | null
  operation: string
  undoes_id: number | null
  undone_by: number | null
  /** Old and new value by column. */
  fields: Record<string, [unknown, unknown]>
  geometry_changed: boolean
  geometry_before: GeoJSON.Geometry | null
}

export interface Figures {
  count: number
  bbox: Bbox | null
  length_m: number | null
  area_m2: number | null
  groups: { value: string | null; count: number }[]
}

export interface NearComponent {
  id: number
  code: string
  class_name: string
  class_name_en: string | null
  name: string
  state: string
  metres: number
  lon: number
  lat: number
}

/** Two components of one class that stand too close together; `id` is the older. */
export interface DuplicatePair {
  id: number
  code: string
  other_id: number
  other_code: string
  class_code: string
  class_name: string
  class_name_en: string | null
  name: string
  other_name: string
  state: string
  other_state: string
  area_code: string
  source: string
  other_source: string
  metres: number
  lon: number
  lat: number
  other_lon: number
  other_lat: number
}

export interface DuplicateDecision {
  id: number
  component_id: number
  code: string
  other_id: number
  other_code: string
  name: string
  decision: 'both' | 'merged'
  kept_id: number | null
  reason: string
  person: string | null
  decided_at: string
  edit_id: number | null
}

export interface ComponentCount {
  area_code: string
  area_name: string | null
  area_name_en: string | null
  class_code: string
  class_name: string
  class_name_en: string | null
  total: number
  intact: number
  broken: number
  lost: number
  abandoned: number
}

export interface ComponentClass {
  edition: string
  code: string
  class_name: string
  name: string
  name_en: string | null
}

const at = (key: string, id?: number) => `/layers/${key}/features${id === undefined ? '' : `/${id}`}`

export const features = {
  page: (key: string, query: Query) => request<FeaturePage>('GET', at(key), { query }),
  one: (key: string, id: number) => request<FeatureRecord>('GET', at(key, id)),
  add: (key: string, body: { geometry: GeoJSON.Geometry; properties: Properties; reason: string }) => request<FeatureEdit>('POST', at(key), { body }),
  change: (key: string, record: FeatureRecord, body: { geometry?: GeoJSON.Geometry; properties?: Properties; reason: string }) =>
    request<FeatureEdit>('PATCH', at(key, record.id), { body, ifMatch: `"${record.mark}"` }),
  remove: (key: string, record: FeatureRecord, reason: string) => request<FeatureEdit>('DELETE', at(key, record.id), { body: { reason }, ifMatch: `"${record.mark}"` }),
  history: (key: string, id: number) => request<{ now: FeatureRecord | null; changes: FeatureChange[] }>('GET', `${at(key, id)}/history`),
  undo: (edit: number, reason: string) => request<{ id: number }>('POST', `/edits/${edit}/undo`, { body: { reason } }),
  figures: (key: string, query: Query) => request<Figures>('GET', `/layers/${key}/statistics`, { query }),
  setStyle: (key: string, style: object, reason: string) => request<object>('PUT', `/layers/${key}/style`, { body: { style, reason } }),
  setOwnStyle: (key: string, style: object) => request<object>('PUT', `/layers/${key}/own-style`, { body: { style } }),
  forgetOwnStyle: (key: string) => request<void>('DELETE', `/layers/${key}/own-style`),
  nearest: (lon: number, lat: number, limit = 6) => request<NearComponent[]>('GET', '/components/nearest', { query: { lon, lat, limit, within_m: 200 } }),
  duplicates: (query: Query) => request<{ pairs: DuplicatePair[]; next: string | null }>('GET', '/components/duplicates', { query }),
  decisions: () => request<{ decisions: DuplicateDecision[]; next: string | null }>('GET', '/components/duplicates/decisions'),
  decide: (body: { component_id: number; other_id: number; decision: 'both' | 'merged'; keep_id?: number; reason: string }) =>
    request<{ id: number; edit_id: number | null }>('POST', '/components/duplicates/decisions', { body }),
  exportAddress(key: string, format: 'geojson' | 'csv' | 'gpkg', filters: readonly string[]): string {
    const query = new URLSearchParams({ format })
    for (const filter of filters) query.append('filter', filter)
    return `/api/v1/layers/${key}/export?${query}`
  },
  componentCounts: (level: 'district' | 'street' | 'community') => request<ComponentCount[]>('GET', '/components/statistics', { query: { level } }),
  countsAddress: (level: string) => `/api/v1/components/statistics.csv?level=${level}`,
  componentClasses: () => request<ComponentClass[]>('GET', '/component-classes'),
}

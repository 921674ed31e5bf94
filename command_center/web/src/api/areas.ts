/** Administrative areas over time. */
import { request } from './http'
import type { Area } from './types'

export interface AreaPeriod extends Area {
  id: number
  valid_from: string
  /** The first day it is no more; null while valid. */
  valid_to: string | null
  geometry: GeoJSON.Geometry | null
}
export interface Succession {
  kind: 'split' | 'merged' | 'renamed'
  predecessor_code: string
  predecessor_name: string | null
  successor_code: string
  successor_name: string | null
  on_date: string
  document: string | null
}
export interface AreaHistory {
  code: string
  periods: AreaPeriod[]
  successions: Succession[]
}
/** `edit_id` null: a preview, nothing is stored. */
export interface AreaEdit {
  edit_id: number | null
  areas: AreaPeriod[]
  orphans: string[]
  touched: { unit_grids: number; responsibility_grids: number; components: number; zones: number }
}
export interface AreaPart {
  geometry: GeoJSON.Polygon
  area_m2: number
}
interface Why {
  on: string
  reason: string
  document?: string
}
export type AreaChange =
  | { kind: 'rename'; body: Why & { name: string; name_en?: string } }
  | { kind: 'split'; body: Why & { parts: { code: string; name: string; geometry: GeoJSON.Geometry }[] } }
  | { kind: 'merge'; body: Why & { codes: string[]; into: string; name: string; name_en?: string } }
  | { kind: 'close'; body: Omit<Why, 'document'> }

export const areaRecords = {
  on: (on: string | null, level: string | null) => request<AreaPeriod[]>('GET', '/areas', { query: { on, level, shapes: level !== null } }),
  named: (q: string) => request<AreaPeriod[]>('GET', '/areas/names', { query: { q } }),
  history: (code: string) => request<AreaHistory>('GET', `/areas/${code}/history`),
  cut: (code: string, line: GeoJSON.LineString) => request<AreaPart[]>('POST', `/areas/${code}/cut`, { body: { line } }),
  change: (code: string, change: AreaChange, preview: boolean) => {
    const path = change.kind === 'merge' ? '/areas/merges' : `/areas/${code}/${change.kind === 'rename' ? 'changes' : change.kind}`
    return request<AreaEdit>('POST', `${path}?preview=${preview}`, { body: change.body })
  },
}

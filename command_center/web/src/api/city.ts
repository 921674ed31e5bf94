/** The city's data: grids, imports, features and their history. */
import { request, type Query } from './http'
import type { Bbox } from './types'

export type LonLat = [number, number]

// --- unit grids ---------------------------------------------------------------------------------

export interface GridOptions {
  target_m2: number
  smallest_m2: number
  largest_m2: number
  edition: number
}

export interface SizeClass {
  from_m2: number
  to_m2: number | null
  cells: number
}

export interface TopologyNumbers {
  version?: number
  cells: number
  communities: number
  area_m2: number
  cells_m2: number
  coverage_valid: boolean
  gaps: number
  gaps_m2: number
  overlaps: number
  overlaps_m2: number
  crossings: number
  crossings_m2: number
  buildings: number
  buildings_cut: number
  slivers: number
  too_small: number
  too_large: number
  duplicate_codes: number
  share_5000_20000: number
  mean_m2: number
  histogram: SizeClass[]
}

export type DraftState = 'dividing' | 'open' | 'published' | 'discarded' | 'failed'

export interface GridDraft {
  id: number
  area_code: string
  area: string | null
  area_en: string | null
  state: DraftState
  version: number
  options: GridOptions
  reason: string
  author: string | null
  created_at: string
  step: string
  /** 0 to 1. */
  progress: number
  /** Slug of what ended the division. */
  failure: string | null
  failure_title: string | null
  failure_title_en: string | null
  cells: number
  report: TopologyNumbers | null
  closed_at: string | null
}

export type OperationKind = 'divide' | 'split' | 'merge' | 'move_border'

export interface GridOperation {
  number: number
  kind: OperationKind
  person: string | null
  at: string
  reason: string
  undone_at: string | null
  undone_by: string | null
  undone_reason: string | null
}

export interface GridDraftDetail extends GridDraft {
  operations: GridOperation[]
}

export type GridIssueKind = 'gap' | 'overlap' | 'crossing' | 'building_cut' | 'sliver' | 'too_small' | 'too_large'

export interface GridIssue {
  id: number
  kind: GridIssueKind
  measure: number
  community_code: string
  lon: number
  lat: number
}

export interface Publication {
  draft: GridDraft
  kept: number
  reshaped: number
  issued: number
  withdrawn: number
}

// --- responsibility grids -----------------------------------------------------------------------

export interface DutyGrid {
  id: number
  code: string
  name: string
  name_en: string | null
  area_code: string
  valid_from: string
  valid_to: string | null
  unit_grids: number
  area_m2: number
  people_now: number
  patrol_points: number
  patrol_routes: number
}

export interface Duty {
  person_id: number
  name?: string
  name_en?: string | null
  valid_from: string
  valid_to: string | null
}

export interface PatrolPoint {
  id: number
  name: string
  note: string | null
  lon: number
  lat: number
}

export interface PatrolRoute {
  id: number
  name: string
  origin: 'drawn' | 'proposed'
  point_ids: number[]
  length_m: number
  geometry: GeoJSON.LineString
}

export interface DutyGridDetail extends DutyGrid {
  members: string[]
  people: Duty[]
  points: PatrolPoint[]
  routes: PatrolRoute[]
}

export interface UnitGridDuty {
  code: string
  lon: number
  lat: number
  grids: number
  people: number
}

export interface Coverage {
  unit_grids: number
  covered: number
  uncovered: UnitGridDuty[]
  doubled: UnitGridDuty[]
  without_people: UnitGridDuty[]
}

/** A change set of a grid; `names`: codes of unit grids, names of people, points or routes. */
export interface DutyChange {
  edit_id: number
  at: string
  actor: string
  origin: string
  reason: string | null
  undone_by: number | null
  changes: { relation: string; operation: 'insert' | 'update' | 'delete'; names: string[] | null; count: number }[]
}

/** `parts`: codes by how they hang together; `held`: other grids that hold some of them. */
export interface DutyChoice {
  parts: string[][]
  held: { id: number; name: string; name_en: string | null; unit_grids: string[] }[]
}

export interface RouteProposal {
  point_ids: number[]
  length_m: number
  line: LonLat[]
}

export const grids = {
  drafts: () => request<{ drafts: GridDraft[] }>('GET', '/grid-drafts').then(({ drafts }) => drafts),
  draft: (id: number) => request<GridDraftDetail>('GET', `/grid-drafts/${id}`),
  start: (body: { area_code: string; options: GridOptions; reason: string }) => request<GridDraft>('POST', '/grid-drafts', { body }),
  report: (id: number) => request<{ version: number; numbers: TopologyNumbers; issues: GridIssue[] }>('GET', `/grid-drafts/${id}/report`),
  cells: (id: number, bbox: Bbox) => request<GeoJSON.FeatureCollection>('GET', `/grid-drafts/${id}/cells`, { query: { bbox: bbox.join(','), limit: 800 } }),
  operate: (id: number, body: { version: number; kind: 'split' | 'merge' | 'move_border' | 'undo'; cells?: number[]; line?: LonLat[]; reason: string }) =>
    request<GridDraftDetail>('POST', `/grid-drafts/${id}/operations`, { body }),
  publish: (id: number, body: { version: number; reason: string }) => request<Publication>('POST', `/grid-drafts/${id}/publish`, { body }),
  discard: (id: number, reason: string) => request<void>('DELETE', `/grid-drafts/${id}`, { query: { reason } }),
}

export interface PersonName {
  id: number
  name: string
  name_en: string | null
  org_unit: string
  org_unit_en: string | null
}

const duty = '/responsibility-grids'
export const dutyGrids = {
  list: (query: Query) => request<{ responsibility_grids: DutyGrid[]; next: string | null }>('GET', duty, { query }),
  one: (id: number) => request<DutyGridDetail>('GET', `${duty}/${id}`),
  people: (q: string) => request<PersonName[]>('GET', '/persons/directory', { query: { q, limit: 30 } }),
  choice: (unit_grids: string[], grid_id: number | null) => request<DutyChoice>('POST', `${duty}/choices`, { body: { unit_grids, grid_id } }),
  history: (id: number) => request<DutyChange[]>('GET', `${duty}/${id}/history`),
  coverage: (area_code: string) => request<Coverage>('GET', `${duty}/coverage`, { query: { area_code } }),
  add: (body: { name: string; unit_grids: string[]; people: Duty[]; valid_from?: string; reason: string }) => request<DutyGridDetail>('POST', duty, { body }),
  change: (id: number, body: { name?: string; unit_grids?: string[]; people?: Duty[]; reason: string }) => request<DutyGridDetail>('PATCH', `${duty}/${id}`, { body }),
  end: (id: number, reason: string) => request<void>('DELETE', `${duty}/${id}`, { query: { reason } }),
  addPoint: (id: number, body: { name: string; lon: number; lat: number; reason: string }) => request<PatrolPoint>('POST', `${duty}/${id}/patrol-points`, { body }),
  dropPoint: (id: number, point: number, reason: string) => request<void>('DELETE', `${duty}/${id}/patrol-points/${point}`, { query: { reason } }),
  propose: (id: number, body: { round_trip: boolean }) => request<RouteProposal>('POST', `${duty}/${id}/patrol-routes/proposal`, { body }),
  addRoute: (id: number, body: { name: string; origin: 'drawn' | 'proposed'; point_ids: number[]; line: LonLat[]; reason: string }) => request<DutyGridDetail>('POST', `${duty}/${id}/patrol-routes`, { body }),
  dropRoute: (id: number, route: number, reason: string) => request<void>('DELETE', `${duty}/${id}/patrol-routes/${route}`, { query: { reason } }),
}

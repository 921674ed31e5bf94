/** What the platform's HTTP and websocket interfaces speak. */
import type { UnitKind, UnitState } from '@/core/frame'
import type { Severity } from '@/core/sound'

export type { UnitKind, UnitState, Severity }
export type Bbox = [number, number, number, number]

export type Permission =
  | 'map.view' | 'units.view' | 'units.track' | 'alerts.view' | 'alerts.handle' | 'city.import' | 'city.edit'
  | 'devices.manage' | 'people.manage' | 'audit.view' | 'system.view' | 'dead_letters.view' | 'replay.run'
  | 'units.command' | 'rosters.manage' | 'privacy.manage' | 'rules.define'

export interface Session {
  person: { id: number; login: string; name: string; name_en: string | null; org_unit: string | null; post: string | null; post_en?: string | null }
  permissions: Permission[]
  areas: string[] | null
  demo: boolean
}

export interface DemoLogin {
  login: string
  password: string
  role_key: string
  role: string
  role_en: string
}

export interface Unit {
  id: number
  device_key: string
  kind: UnitKind
  name: string
  name_en: string | null
  org_unit: string | null
  org_unit_en: string | null
  area_code: string
  responsibility_grid_id: number | null
  responsibility_grid: string | null
  responsibility_grid_en: string | null
}

export interface UnitDetail extends Unit {
  fix_time: string | null
  lon: number | null
  lat: number | null
  speed_mps: number | null
  course_deg: number | null
  accuracy_m: number | null
  battery_pct: number | null
  state: UnitState
  unit_grid_code: string | null
  in_grid: { id: number; name: string; name_en: string | null } | null
  area: { street: string | null; community: string | null } | null
  mobile: string | null
  off_duty: boolean
  signals: string[]
  faults: string[]
  roster: { starts_at: string; ends_at: string; grid?: string | null; grid_en?: string | null; route?: string | null; route_en?: string | null } | null
  alerts: Alert[]
}

export interface Alert {
  id: number
  rule: string
  rule_version?: number
  severity: Severity
  device_id: number
  unit_name: string | null
  unit_name_en: string | null
  unit_kind: UnitKind | null
  opened_at: string
  last_seen_at: string
  closed_at: string | null
  close_reason: string | null
  lon: number | null
  lat: number | null
  last_lon: number | null
  last_lat: number | null
  acknowledged_by: string | number | null
  acknowledged_at: string | null
  handled_by: string | number | null
  note: string | null
  area_code: string | null
  evidence: Record<string, unknown> | null
  /** When later fixes showed that it never was; when they changed its bounds. */
  withdrawn_at?: string | null
  corrected_at?: string | null
}

export interface Group {
  total: number
  on_duty?: number
  online: number
  moving: number
}

export interface LiveCounts {
  inspectors: Group | null
  vehicles: Group | null
  alerts: { open: number; today: number } | null
  fixes_per_s: number
}

export interface Overview {
  time: string
  inspectors: Group | null
  vehicles: Group | null
  alerts: { open: number; today: number } | null
  components: number
  unit_grids: number
  fixes_today: number
  rates: { fixes_per_s: number }
}

export interface Area {
  code: string
  level: 'city' | 'district' | 'street' | 'community'
  name: string
  name_en: string | null
  parent_code: string | null
  bbox: Bbox | null
}

export interface CatalogueLayer {
  key: string
  title: string
  title_en: string
  geometry: 'point' | 'line' | 'polygon'
  min_zoom: number
  max_zoom: number
  properties: string[]
  columns: LayerColumn[]
  style: Record<string, unknown>
  /** One's own, which goes before `style`. */
  own_style: Record<string, unknown> | null
  editable: boolean
}

export interface LayerColumn {
  name: string
  kind: 'text' | 'number' | 'boolean' | 'date' | 'time' | 'json'
  title: string
  title_en: string
  sortable: boolean
}

export interface Place {
  kind: 'unit' | 'area' | 'road' | 'facility' | 'unit_grid' | 'component' | 'address'
  id: number | string
  name: string
  name_en: string | null
  detail: string | null
  lon: number
  lat: number
  bbox?: Bbox | null
}

export interface Track {
  type: 'Feature'
  geometry: { type: 'LineString'; coordinates: [number, number][] } | null
  properties: { times: number[]; speeds: (number | null)[]; truncated?: boolean }
}

export interface Role {
  key: string
  name: string
  name_en: string
  permissions: Permission[]
}

export interface OrgUnit {
  id: number
  code: string
  name: string
  name_en: string | null
  area_code: string
}

export interface Grant {
  id: number
  role_key: string
  area_code: string | null
  org_unit_id: number | null
}

export interface Person {
  id: number
  login: string | null
  name: string
  name_en: string | null
  org_unit: string
  org_unit_en: string | null
  area_code: string
  /** Masked. */
  mobile: string | null
  state: string
  locked: boolean
  grants: Grant[]
}

export interface Device {
  id: number
  key: string
  unit_kind: UnitKind
  carrier: string | null
  carrier_en: string | null
  area_code: string
  org_unit: string
  org_unit_en: string | null
  enabled: boolean
  period_s: number
  terminal_number: string | null
  speed_unit: 'kn' | 'kmh' | 'mps'
  has_payload_secret: boolean
  last_received_at: string | null
  clock_offset_s: number | null
  faults_today: number
}

export interface AuditEntry {
  id: number
  at: string
  actor: string | null
  action: string
  object_kind: string | null
  object_id: string | null
  detail: Record<string, unknown>
  ip: string | null
}

export interface DeadLetter {
  id: number
  received_at: string
  topic: string
  device_key: string | null
  reason: string
  detail: string
  size_bytes: number
  text: string | null
  hex: string | null
  rerun_requested_at: string | null
  rerun_at: string | null
  rerun_fixes: number | null
  rerun_reason: string | null
}

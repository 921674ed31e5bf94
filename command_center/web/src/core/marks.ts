/** Map features of alerts, of their evidence, and of what was asked for at the wall. */
import type { Alert } from '@/api/types'

type Point = [number, number]
const collection = (features: GeoJSON.Feature[]): GeoJSON.FeatureCollection => ({ type: 'FeatureCollection', features })
export const pointAt = ([lon, lat]: Point, properties: object): GeoJSON.Feature => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [lon, lat] }, properties })
export const lineAlong = (coordinates: Point[], properties: object): GeoJSON.Feature => ({ type: 'Feature', geometry: { type: 'LineString', coordinates }, properties })

/** Where open alerts began; of the chosen one also a line to where it is now. */
export function alertFeatures(alerts: Alert[], chosen: number | null): GeoJSON.FeatureCollection {
  const features: GeoJSON.Feature[] = []
  for (const alert of alerts) {
    if (alert.lon === null || alert.lat === null) continue
    const properties = { id: alert.id, severity: alert.severity, rank: alert.severity === 'critical' ? 2 : 1, chosen: alert.id === chosen }
    features.push(pointAt([alert.lon, alert.lat], properties))
    if (alert.id === chosen && alert.last_lon !== null && alert.last_lat !== null) features.push(lineAlong([[alert.lon, alert.lat], [alert.last_lon, alert.last_lat]], properties))
  }
  return collection(features)
}

export interface EvidenceFix {
  /** Epoch s. */
  time: number
  lon: number
  lat: number
  value?: number | null
}

export function evidenceFixes(alert: Alert): EvidenceFix[] {
  const fixes = alert.evidence?.fixes
  return Array.isArray(fixes) ? (fixes as EvidenceFix[]).filter(({ lon, lat }) => Number.isFinite(lon) && Number.isFinite(lat)) : []
}

/** The fixes that opened an alert, numbered in their order, and where it was last so. */
export function evidenceFeatures(alert: Alert): GeoJSON.FeatureCollection {
  const fixes = evidenceFixes(alert)
  const { severity } = alert
  const features = fixes.map((fix, i) => pointAt([fix.lon, fix.lat], { role: 'fix', text: String(i + 1), severity }))
  if (fixes.length > 1) features.push(lineAlong(fixes.map(({ lon, lat }) => [lon, lat]), { severity }))
  if (alert.last_lon !== null && alert.last_lat !== null) features.push(pointAt([alert.last_lon, alert.last_lat], { role: 'last', text: '', severity }))
  return collection(features)
}

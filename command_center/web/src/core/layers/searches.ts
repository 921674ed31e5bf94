import type { ExpressionSpecification } from 'maplibre-gl'

import { byZoom, MEDIUM, type LayerGroup } from './context'

/** What was asked for at the wall, and its answers. Data is set by the panels, not by tiles. */
const isLine: ExpressionSpecification = ['==', ['geometry-type'], 'LineString']
const isArea: ExpressionSpecification = ['==', ['geometry-type'], 'Polygon']
const roleIs = (...roles: string[]): ExpressionSpecification => ['in', ['get', 'role'], ['literal', roles]]
const chosen = (on: number, off: number): ExpressionSpecification => ['case', ['boolean', ['get', 'chosen'], false], on, off]

/** Who was there: the place, and where each was first seen in it. */
export const searchMarks: LayerGroup = {
  key: 'search',
  sources: [],
  on: true,
  build: ({ palette }) => [
    { band: 'area', id: 'search-fill', type: 'fill', source: 'own-search', filter: isArea, paint: { 'fill-color': palette.track, 'fill-opacity': 0.12 } },
    { band: 'mark', id: 'search-casing', type: 'line', source: 'own-search', filter: isArea, paint: { 'line-color': palette.trackCasing, 'line-width': 5, 'line-opacity': 0.6 } },
    { band: 'mark', id: 'search-line', type: 'line', source: 'own-search', filter: isArea, paint: { 'line-color': palette.track, 'line-width': 2.2 } },
    { band: 'mark', id: 'search-path', type: 'line', source: 'own-search', filter: isLine, paint: { 'line-color': palette.track, 'line-width': 1.6, 'line-dasharray': [2, 2] } },
    { band: 'mark', id: 'search-seen', type: 'circle', source: 'own-search', filter: roleIs('first', 'last'), paint: { 'circle-color': ['match', ['get', 'role'], 'first', palette.track, palette.label], 'circle-radius': chosen(7, 4), 'circle-stroke-color': palette.halo, 'circle-stroke-width': chosen(2.5, 1.5) } },
    { band: 'mark', id: 'search-name', type: 'symbol', source: 'own-search', filter: roleIs('first', 'last'), layout: { 'text-field': ['get', 'text'], 'text-font': MEDIUM, 'text-size': 12, 'text-offset': [0.8, 0], 'text-anchor': 'left', 'text-optional': true, 'text-padding': 4 }, paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.8 } },
  ],
}

/** Nearest units: ways to the place, and their ranks. */
export const nearMarks: LayerGroup = {
  key: 'near',
  sources: [],
  on: true,
  build: ({ palette }) => [
    { band: 'mark', id: 'near-casing', type: 'line', source: 'own-near', filter: ['all', isLine, roleIs('road')], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': palette.trackCasing, 'line-width': byZoom(11, 3, 17, 9), 'line-opacity': chosen(0.9, 0.45) } },
    { band: 'mark', id: 'near-road', type: 'line', source: 'own-near', filter: ['all', isLine, roleIs('road')], layout: { 'line-cap': 'round', 'line-join': 'round', 'line-sort-key': chosen(1, 0) }, paint: { 'line-color': palette.track, 'line-width': byZoom(11, 1.6, 17, 5), 'line-opacity': chosen(1, 0.45) } },
    { band: 'mark', id: 'near-straight', type: 'line', source: 'own-near', filter: ['all', isLine, roleIs('straight')], paint: { 'line-color': palette.track, 'line-width': chosen(2.6, 1.4), 'line-opacity': chosen(1, 0.6), 'line-dasharray': [3, 2] } },
    { band: 'mark', id: 'near-rank', type: 'circle', source: 'own-near', filter: roleIs('rank'), paint: { 'circle-color': palette.track, 'circle-radius': chosen(11, 9), 'circle-stroke-color': palette.trackCasing, 'circle-stroke-width': 2, 'circle-translate': [0, -22] } },
    { band: 'mark', id: 'near-number', type: 'symbol', source: 'own-near', filter: roleIs('rank'), layout: { 'text-field': ['get', 'text'], 'text-font': MEDIUM, 'text-size': 12, 'text-allow-overlap': true, 'text-ignore-placement': true }, paint: { 'text-color': palette.trackCasing, 'text-translate': [0, -22] } },
    { band: 'mark', id: 'near-place', type: 'circle', source: 'own-near', filter: roleIs('place'), paint: { 'circle-color': palette.alert.critical, 'circle-radius': 7, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2.5 } },
  ],
}

/** The fixes that opened the chosen alert. */
export const evidenceMarks: LayerGroup = {
  key: 'evidence',
  sources: [],
  on: true,
  build: ({ palette }) => {
    const color: ExpressionSpecification = ['match', ['get', 'severity'], 'critical', palette.alert.critical, 'warning', palette.alert.warning, palette.alert.info]
    return [
      { band: 'mark', id: 'evidence-line', type: 'line', source: 'own-evidence', filter: isLine, paint: { 'line-color': color, 'line-width': 2 } },
      { band: 'mark', id: 'evidence-fix', type: 'circle', source: 'own-evidence', filter: roleIs('fix', 'last'), paint: { 'circle-color': ['match', ['get', 'role'], 'fix', palette.halo, color], 'circle-radius': ['match', ['get', 'role'], 'fix', 9, 5], 'circle-stroke-color': color, 'circle-stroke-width': 2 } },
      { band: 'mark', id: 'evidence-number', type: 'symbol', source: 'own-evidence', filter: roleIs('fix'), layout: { 'text-field': ['get', 'text'], 'text-font': MEDIUM, 'text-size': 11, 'text-allow-overlap': true, 'text-ignore-placement': true }, paint: { 'text-color': palette.label } },
    ]
  },
}

/** A unit's day on its track: stops with their length, silences, patrol points reached and missed. */
export const dayMarks: LayerGroup = {
  key: 'day',
  sources: [],
  on: true,
  build: ({ palette }) => {
    const color: ExpressionSpecification = ['match', ['get', 'role'], 'reached', palette.unit.moving, 'missed', palette.alert.critical, palette.unit.standing]
    return [
      { band: 'mark', id: 'day-silence', type: 'line', source: 'own-day', filter: isLine, paint: { 'line-color': palette.unit.offline, 'line-width': 2.5, 'line-dasharray': [1, 2] } },
      { band: 'mark', id: 'day-point', type: 'circle', source: 'own-day', filter: roleIs('stop', 'parked', 'reached', 'missed'), paint: { 'circle-color': ['match', ['get', 'role'], 'missed', palette.halo, color], 'circle-radius': ['match', ['get', 'role'], 'stop', 8, 'parked', 8, 6], 'circle-stroke-color': ['match', ['get', 'role'], 'missed', color, palette.halo], 'circle-stroke-width': 2.5 } },
      { band: 'mark', id: 'day-text', type: 'symbol', source: 'own-day', filter: roleIs('stop', 'parked', 'reached', 'missed'), layout: { 'text-field': ['get', 'text'], 'text-font': MEDIUM, 'text-size': 11, 'text-offset': [0, 1.1], 'text-anchor': 'top', 'text-optional': true }, paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.8 } },
    ]
  },
}

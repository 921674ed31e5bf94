import type { ExpressionSpecification } from 'maplibre-gl'

import { byZoom, MEDIUM, type LayerGroup } from './context'

/** Open alerts: a triangle where each began. Data is set by the map, not by tiles. */
export const alertMarks: LayerGroup = {
  key: 'alert',
  sources: [],
  on: true,
  build: ({ theme, palette }) => {
    const color: ExpressionSpecification = ['match', ['get', 'severity'], 'critical', palette.alert.critical, 'warning', palette.alert.warning, palette.alert.info]
    return [
      { band: 'mark', id: 'alert-link', type: 'line', source: 'own-alert', filter: ['==', ['geometry-type'], 'LineString'], paint: { 'line-color': color, 'line-width': 1.6, 'line-dasharray': [2, 2], 'line-opacity': 0.8 } },
      { band: 'mark', id: 'alert-halo', type: 'circle', source: 'own-alert', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-color': color, 'circle-radius': byZoom(10, 6, 15, 16), 'circle-opacity': ['case', ['get', 'chosen'], 0.35, 0.14], 'circle-blur': 0.4, 'circle-stroke-color': color, 'circle-stroke-width': ['case', ['get', 'chosen'], 2, 0] } },
      { band: 'mark', id: 'alert-icon', type: 'symbol', source: 'own-alert', filter: ['==', ['geometry-type'], 'Point'], layout: { 'icon-image': ['concat', 'alert:', ['get', 'severity'], `@${theme}`], 'icon-size': byZoom(10, 0.5, 15, 0.95), 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': ['get', 'rank'] } },
    ]
  },
}

/** A unit's track: speed as colour, arrows for direction, times along it, start and end. */
export const trackLine: LayerGroup = {
  key: 'track',
  sources: [],
  on: true,
  build: ({ theme, palette }) => [
    { band: 'mark', id: 'track-casing', type: 'line', source: 'own-track', filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': palette.trackCasing, 'line-width': byZoom(10, 4, 17, 9), 'line-opacity': 0.85 } },
    { band: 'mark', id: 'track-line', type: 'line', source: 'own-track', filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': ['interpolate', ['linear'], ['get', 'kmh'], 0, palette.trackSlow, 12, palette.track, 60, palette.trackFast], 'line-width': byZoom(10, 2, 17, 5) } },
    { band: 'mark', id: 'track-arrow', type: 'symbol', source: 'own-track', minzoom: 13, filter: ['==', ['get', 'role'], 'arrow'], layout: { 'icon-image': `arrow@${theme}`, 'icon-size': byZoom(13, 0.5, 17, 0.9), 'icon-rotate': ['get', 'course'], 'icon-rotation-alignment': 'map', 'icon-padding': 14 } },
    { band: 'mark', id: 'track-tick', type: 'symbol', source: 'own-track', minzoom: 12, filter: ['==', ['get', 'role'], 'tick'], layout: { 'icon-image': `tick@${theme}`, 'text-field': ['get', 'text'], 'text-font': MEDIUM, 'text-size': 11, 'text-offset': [0.8, 0], 'text-anchor': 'left', 'text-padding': 8 }, paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.8 } },
    { band: 'mark', id: 'track-end', type: 'symbol', source: 'own-track', filter: ['in', ['get', 'role'], ['literal', ['start', 'end']]], layout: { 'icon-image': ['concat', ['get', 'role'], `@${theme}`], 'icon-allow-overlap': true, 'text-field': ['get', 'text'], 'text-font': MEDIUM, 'text-size': 12, 'text-offset': [0, 1.1], 'text-anchor': 'top', 'text-optional': true }, paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.8 } },
    { band: 'mark', id: 'track-here', type: 'circle', source: 'own-here', paint: { 'circle-color': palette.label, 'circle-radius': 6, 'circle-stroke-color': palette.track, 'circle-stroke-width': 3 } },
    { band: 'mark', id: 'place-ring', type: 'circle', source: 'own-place', paint: { 'circle-color': palette.district, 'circle-opacity': 0.25, 'circle-radius': 16, 'circle-stroke-color': palette.district, 'circle-stroke-width': 2.5 } },
  ],
}

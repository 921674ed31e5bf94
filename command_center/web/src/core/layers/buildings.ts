import type { ExpressionSpecification } from 'maplibre-gl'

import { byZoom, REGULAR, type LayerGroup } from './context'

/** Height in metres; a building of unknown height stands 9 m (three floors). */
const HEIGHT: ExpressionSpecification = ['coalesce', ['to-number', ['get', 'height_m'], 9], 9]

/** Footprints from z13.5, extruded from z15. */
export const buildings: LayerGroup = {
  key: 'building',
  sources: ['building'],
  on: true,
  build: ({ theme, palette, name }) => [
    { band: 'lines', id: 'building-flat', type: 'fill', source: 'building', 'source-layer': 'building', minzoom: 13.4, maxzoom: 15.6, paint: { 'fill-color': palette.buildingFlat, 'fill-outline-color': palette.buildingEdge, 'fill-opacity': byZoom(13.4, 0, 14.4, 1) } },
    {
      band: 'building', id: 'building-3d', type: 'fill-extrusion', source: 'building', 'source-layer': 'building', minzoom: 15,
      paint: {
        'fill-extrusion-color': ['interpolate', ['linear'], HEIGHT, 6, palette.buildingLow, 30, palette.buildingMid, 100, palette.buildingHigh],
        'fill-extrusion-height': ['interpolate', ['linear'], ['zoom'], 15, 0, 15.6, HEIGHT],
        'fill-extrusion-opacity': byZoom(15, 0, 15.5, theme === 'dark' ? 0.86 : 0.78),
        'fill-extrusion-vertical-gradient': true,
      },
    },
    { band: 'text', id: 'building-text', type: 'symbol', source: 'building', 'source-layer': 'building', minzoom: 16.5, filter: ['has', 'name'], layout: { 'text-field': name, 'text-font': REGULAR, 'text-size': byZoom(16.5, 10, 19, 13), 'text-max-width': 7, 'text-padding': 8 }, paint: { 'text-color': palette.facilityText, 'text-halo-color': palette.halo, 'text-halo-width': 1.3 } },
  ],
}

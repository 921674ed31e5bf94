import { BOLD, byZoom, MEDIUM, type LayerGroup } from './context'

/** Borders and names of districts, streets and communities. */
export const areas: LayerGroup = {
  key: 'area',
  sources: ['area_district', 'area_street', 'area_community', 'area_label'],
  on: true,
  build: ({ palette, name }) => [
    { band: 'lines', id: 'community-line', type: 'line', source: 'area_community', 'source-layer': 'area_community', minzoom: 13, layout: { 'line-join': 'round' }, paint: { 'line-color': palette.community, 'line-width': byZoom(13, 0.6, 17, 1.4), 'line-dasharray': [3, 2], 'line-opacity': byZoom(13, 0, 13.6, 0.75) } },
    { band: 'area', id: 'street-line-glow', type: 'line', source: 'area_street', 'source-layer': 'area_street', minzoom: 10, layout: { 'line-join': 'round' }, paint: { 'line-color': palette.street, 'line-width': byZoom(10, 2, 16, 7), 'line-blur': byZoom(10, 2, 16, 6), 'line-opacity': 0.22 } },
    { band: 'area', id: 'street-line', type: 'line', source: 'area_street', 'source-layer': 'area_street', minzoom: 10, layout: { 'line-join': 'round' }, paint: { 'line-color': palette.street, 'line-width': byZoom(10, 0.8, 16, 1.8), 'line-dasharray': [6, 2, 1.2, 2], 'line-opacity': 0.9 } },
    { band: 'area', id: 'district-line', type: 'line', source: 'area_district', 'source-layer': 'area_district', layout: { 'line-join': 'round' }, paint: { 'line-color': palette.district, 'line-width': byZoom(8, 1.2, 13, 1.6, 16, 2.4), 'line-dasharray': [8, 2, 2, 2] } },
    { band: 'areaText', id: 'community-text', type: 'symbol', source: 'area_label', 'source-layer': 'area_label', minzoom: 13.6, maxzoom: 16.8, filter: ['==', ['get', 'level'], 'community'], layout: { 'text-field': name, 'text-font': MEDIUM, 'text-size': byZoom(13.6, 11, 16, 13), 'text-letter-spacing': 0.06, 'text-max-width': 7, 'text-padding': 10 }, paint: { 'text-color': palette.communityText, 'text-halo-color': palette.halo, 'text-halo-width': 1.5 } },
    { band: 'areaText', id: 'street-text', type: 'symbol', source: 'area_label', 'source-layer': 'area_label', minzoom: 10.5, maxzoom: 15.5, filter: ['==', ['get', 'level'], 'street'], layout: { 'text-field': name, 'text-font': BOLD, 'text-size': byZoom(10.5, 12, 13, 16, 15, 19), 'text-letter-spacing': 0.14, 'text-max-width': 8, 'text-padding': 6 }, paint: { 'text-color': palette.streetText, 'text-halo-color': palette.halo, 'text-halo-width': 2, 'text-opacity': byZoom(14.8, 1, 15.5, 0.25) } },
    { band: 'areaText', id: 'district-text', type: 'symbol', source: 'area_label', 'source-layer': 'area_label', maxzoom: 12, filter: ['==', ['get', 'level'], 'district'], layout: { 'text-field': name, 'text-font': BOLD, 'text-size': byZoom(8, 15, 11.5, 26), 'text-letter-spacing': 0.3, 'text-max-width': 10 }, paint: { 'text-color': palette.districtText, 'text-halo-color': palette.halo, 'text-halo-width': 2.2, 'text-opacity': byZoom(11.2, 1, 12, 0) } },
  ],
}
